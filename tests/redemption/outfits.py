"""A design of every style as accounts make them, with pictures in every place."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageDraw

from credentials import designs
from credentials.models import Account, CredentialType
from tests import factories

NAME = {"area": "primary", "key": "name", "label": "Member", "value": "{full_name}"}
UNTIL = {
    "area": "secondary",
    "key": "until",
    "label": "Valid until",
    "value": "2031-03-08T20:30:00+01:00",
    "date_style": "medium",
}
NUMBER = {"area": "secondary", "key": "number", "label": "Number", "value": "{system_id}"}
LEVEL = {"area": "header", "key": "level", "label": "Level", "value": "Gold"}
JOURNEY = [
    {"area": "header", "key": "gate", "label": "Gate", "value": "A12"},
    {"area": "primary", "key": "from", "label": "Zürich", "value": "ZRH"},
    {"area": "primary", "key": "to", "label": "Tokyo", "value": "NRT"},
    {"area": "auxiliary", "key": "seat", "label": "Seat", "value": "11A"},
    {"area": "auxiliary", "key": "class", "label": "Class", "value": "Economy"},
    {"area": "secondary", "key": "name", "label": "Passenger", "value": "{full_name}"},
]
EVENT = [
    {"area": "header", "key": "row", "label": "Row", "value": "7"},
    {"area": "primary", "key": "event", "label": "Concert", "value": "Die schöne Müllerin"},
    {"area": "secondary", "key": "name", "label": "Guest", "value": "{full_name}"},
    UNTIL,
]
COLOURS = {"background_color": "#12324a", "foreground_color": "#ffffff", "label_color": "#9fd3ea"}
OUTFITS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "generic": ({"fields": [LEVEL, NAME, NUMBER, UNTIL], "logo_text": "Acme Gym"}, ("logo", "thumbnail")),
    "storeCard": ({"fields": [LEVEL, NAME, UNTIL], "logo_text": "Acme Gym"}, ("logo", "strip")),
    "coupon": ({"fields": [{**NAME, "label": "Coffee", "value": "2 for 1"}, UNTIL]}, ("logo", "strip")),
    "eventTicket": ({"fields": EVENT, "logo_text": "Acme Hall"}, ("logo", "background", "thumbnail")),
    "boardingPass": ({"fields": JOURNEY, "transit_type": "air", "logo_text": "Acme Air"}, ("logo",)),
}
SIZES = {"logo": (150, 150), "thumbnail": (270, 270), "strip": (1125, 432), "background": (540, 660)}


def outfit(account: Account, style: str) -> CredentialType:
    """The design of that style."""
    columns, roles = OUTFITS[style]
    kind = factories.credential_type(account, style=style, **{**COLOURS, **columns})
    images = {role: painted(*SIZES[role]) for role in roles}
    return designs.update_credential_type(kind, images=images, actor="test")


def painted(width: int, height: int) -> bytes:
    """A PNG file with some colours and shapes in it."""
    painting = Image.linear_gradient("L").resize((width, height))
    picture = Image.merge(
        "RGB", (painting.point(lambda light: 40 + light // 2), painting, painting.rotate(180))
    )
    pen = ImageDraw.Draw(picture)
    for step in range(5):
        inset = step * min(width, height) // 12
        pen.ellipse((inset, inset, min(width, height) - inset, min(width, height) - inset), outline="#ffffff")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()

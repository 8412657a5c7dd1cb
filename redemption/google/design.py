"""The look of the cards of one kind in Google's terms: their GenericClass, and where each field goes.

Members and limits: Google's discovery document of `walletobjects.v1`. What is not set is `None`, which
removes it from a class that had it; an insert leaves it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import ceil
from typing import Any

from django.conf import settings

from credentials.models import CredentialType
from credentials.pass_fields import AREAS, RESERVED_KEYS, PassField, read_fields
from redemption.models import GoogleClass

Body = dict[str, Any]

# "At most three rows are allowed to be specified", of one, two or three items.
MOST_ROWS = 3
MOST_IN_ROW = 3
FRONT = ("primary", "header", "secondary", "auxiliary")
STATUS_KEY = RESERVED_KEYS[0]
# Once somebody has saved a card, nobody else can: the one wallet of a credential.
HOLDERS = "ONE_USER_ALL_DEVICES"


@dataclass(frozen=True)
class Layout:
    """The field that is the card's title, the rows of its front, and what stands below."""

    title: PassField | None
    rows: list[Sequence[PassField]]
    details: list[PassField]


def class_body(google_class: GoogleClass) -> Body:
    """The GenericClass of a credential type, from rows that came with issuer and type."""
    kind, issuer = google_class.credential_type, google_class.issuer
    smart_tap = answers_smart_tap(google_class)
    return {
        "id": google_class.class_id,
        "callbackOptions": {"url": f"{settings.BASE_URL}/google/callback/{issuer.issuer_id}"},
        "multipleDevicesAndHoldersAllowedStatus": HOLDERS,
        "viewUnlockRequirement": str(kind.google_view_unlock_requirement),
        "enableSmartTap": smart_tap,
        "redemptionIssuers": [str(each) for each in issuer.redemption_issuers] if smart_tap else None,
        "classTemplateInfo": _template(kind),
    }


def answers_smart_tap(google_class: GoogleClass) -> bool:
    """Whether readers can be answered: the design wants it, and the issuer names whose readers."""
    return google_class.credential_type.google_smart_tap and bool(google_class.issuer.redemption_issuers)


def lay_out(kind: CredentialType) -> Layout:
    """Where the fields of a design go: a row for each area of the front, two for one that fills more."""
    fields = read_fields(kind.fields)
    areas = {area: [field for field in fields if field.area == area] for area in AREAS}
    # A boarding pass has a second one.
    title, areas["primary"] = next(iter(areas["primary"]), None), areas["primary"][1:]
    rows = [row for area in FRONT for row in _evenly(areas[area])][:MOST_ROWS]
    above = {title, *chain(*rows)}
    return Layout(title, rows, [field for field in chain(*areas.values()) if field not in above])


def without_unset(body: Body) -> Body:
    """What an insert sends: nothing that is not set, however deep."""
    return {
        name: without_unset(value) if isinstance(value, dict) else value
        for name, value in body.items()
        if value is not None
    }


def _template(kind: CredentialType) -> Body:
    layout = lay_out(kind)
    rows = [_row([_item(field.key) for field in row]) for row in layout.rows]
    details = [STATUS_KEY, *(field.key for field in layout.details)]
    return {
        "cardTemplateOverride": {"cardRowTemplateInfos": rows} if rows else None,
        "detailsTemplateOverride": {"detailsItemInfos": [{"item": _item(key)} for key in details]},
    }


def _evenly(area: Sequence[PassField]) -> Iterator[Sequence[PassField]]:
    if area:
        length = ceil(len(area) / ceil(len(area) / MOST_IN_ROW))
        yield from (area[start : start + length] for start in range(0, len(area), length))


def _row(items: Sequence[Body]) -> Body:
    match items:
        case [item]:
            return {"oneItem": {"item": item}}
        case [start, end]:
            return {"twoItems": {"startItem": start, "endItem": end}}
        case [start, middle, end]:
            return {"threeItems": {"startItem": start, "middleItem": middle, "endItem": end}}
    raise ValueError(f"a row has one to three items, not {len(items)}")


def _item(key: str) -> Body:
    return {"firstValue": {"fields": [{"fieldPath": f"object.textModulesData['{key}']"}]}}

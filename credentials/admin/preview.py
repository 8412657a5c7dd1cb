"""The pass that a design makes, for a sample holder, beside the form of the design."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from credentials.admin.sample_barcodes import sample
from credentials.designs import FinestImage, finest_images, image_files
from credentials.images import Role
from credentials.models import CredentialType
from credentials.models.designs import BarcodeFormat
from credentials.pass_fields import AREAS, PassField, fill, read_fields
from credentials.pass_front import WIDTH, Front, Picture, Words, draw_front

QUIET = 10
SAMPLE_END = datetime(2030, 12, 31, 12, tzinfo=UTC)
SAMPLE = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "full_name": "Ada Lovelace",
    "email": "ada@example.org",
    "system_id": "1815",
    "value": "4w8k2m0c7t9x",
}


@dataclass(frozen=True)
class Barcode:
    """A white box with a sample of the format inside a quiet zone."""

    x: float
    y: float
    width: float
    height: float
    path: str
    transform: str


@dataclass(frozen=True)
class Preview:
    """The front and the back of a pass, and what else a device shows."""

    front: Front
    height: float
    images: Mapping[str, FinestImage]
    organization_name: str
    barcode: Barcode | None
    back: list[tuple[str, str]]

    @property
    def pictures(self) -> list[tuple[str, Picture]]:
        """Each image of the front as a `data:` URI, and its place."""
        return [(data_uri(self.images[picture.role]), picture) for picture in self.front.pictures]

    @property
    def backdrop(self) -> str:
        """What lies behind the front, if anything does."""
        return data_uri(self.images[Role.BACKGROUND]) if self.front.has_backdrop else ""

    @property
    def icon(self) -> str:
        """What stands beside the organization's name."""
        return data_uri(self.images[Role.ICON])


def preview(credential_type: CredentialType) -> Preview:
    """A pass of this design, for a sample holder. Raises `Invalid` when its fields are broken."""
    written: dict[str, list[tuple[str, str]]] = {area: [] for area in AREAS}
    for shown in read_fields(credential_type.fields):
        written[shown.area].append((shown.label, _value(shown, label=credential_type.label)))
    images = finest_images(image_files(credential_type))
    front = draw_front(
        credential_type,
        images={role: image.size for role, image in images.items()},
        written=written,
        logo_text=credential_type.logo_text,
    )
    barcode, height = _draw_below(front, images, credential_type)
    return Preview(
        front=front,
        height=height,
        images=images,
        organization_name=credential_type.organization_name or credential_type.account.name,
        barcode=barcode,
        back=written["back"],
    )


def data_uri(image: FinestImage) -> str:
    """The image as an address that holds it (RFC 2397)."""
    return f"data:image/png;base64,{base64.b64encode(image.png).decode()}"


def _value(shown: PassField, *, label: str) -> str:
    if not shown.is_date:
        return fill(shown.value, {**SAMPLE, "label": label, "expires_at": f"{SAMPLE_END:%Y-%m-%d}"})
    moment = SAMPLE_END if shown.value == "{expires_at}" else datetime.fromisoformat(shown.value)
    has_date, has_time = (style not in ("", "none") for style in (shown.date_style, shown.time_style))
    return f"{moment:%-d %b %Y}" * has_date + ", " * (has_date and has_time) + f"{moment:%H:%M}" * has_time


def _draw_below(
    front: Front, images: Mapping[str, FinestImage], credential_type: CredentialType
) -> tuple[Barcode | None, float]:
    """Draws what is below the fields: the barcode, and how far down that reaches."""
    y = max(front.height, 250)
    if footer := images.get(Role.FOOTER):
        width, height = footer.size
        front.pictures.append(Picture(Role.FOOTER, (WIDTH - width) / 2, y, width, height))
        y += height + 10
    if credential_type.barcode_format == BarcodeFormat.NONE:
        return None, y + 20
    barcode = _barcode(credential_type.barcode_format, y=y)
    if not credential_type.barcode_alt_text:
        return barcode, y + barcode.height + 20
    front.words.append(
        Words(SAMPLE["value"], WIDTH / 2, y + barcode.height + 8, barcode.width, 12, "#000000", "middle")
    )
    return replace(barcode, height=barcode.height + 18), y + barcode.height + 38


def _barcode(barcode_format: str, *, y: float) -> Barcode:
    is_square = barcode_format in (BarcodeFormat.QR, BarcodeFormat.AZTEC)
    width, height = (150, 150) if is_square else (290, 84)
    x, cells = (WIDTH - width) / 2, sample(barcode_format)
    across, down = (width - 2 * QUIET) / cells.columns, (height - 2 * QUIET) / cells.rows
    transform = f"translate({x + QUIET} {y + QUIET}) scale({across:.3f} {down:.3f})"
    return Barcode(x, y, width, height, path=cells.path, transform=transform)

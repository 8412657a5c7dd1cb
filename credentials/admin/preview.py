"""The front of a pass as a drawing: where everything goes, in the points of a 375 wide phone."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from credentials.admin.sample_barcodes import sample
from credentials.designs import image_files
from credentials.images import Role
from credentials.models import CredentialType
from credentials.models.designs import BarcodeFormat, Style
from credentials.pass_fields import AREAS, PassField, fill, read_fields

WIDTH = 375
MARGIN = 14
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
# Width of an average letter, as a part of its size.
LETTER = 0.56


@dataclass(frozen=True)
class Words:
    """A line of text; `anchor` is SVG's: start, middle or end."""

    words: str
    x: float
    y: float
    size: int
    colour: str
    anchor: str = "start"


@dataclass(frozen=True)
class Picture:
    """An image of the design as a `data:` URI, and where it goes."""

    uri: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Barcode:
    """A white box with a sample of the format inside a quiet zone."""

    x: float
    y: float
    width: float
    height: float
    path: str
    transform: str


@dataclass
class Preview:
    """A drawing of the front, from top to bottom, and what else a device shows."""

    background_color: str
    foreground_color: str
    label_color: str
    organization_name: str
    icon: str
    height: float = 0
    words: list[Words] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    backdrop: Picture | None = None
    barcode: Barcode | None = None
    back: list[tuple[str, str]] = field(default_factory=list)

    def write(
        self, label: str, value: str, *, x: float, y: float, width: float, size: int, anchor: str = "start"
    ) -> None:
        """A label, and below it a value of `size`, both cut to `width`."""
        self.words.append(
            Words(_cut(label.upper(), width=width, size=10), x, y, 10, self.label_color, anchor)
        )
        value_at = y + size + 3
        self.words.append(
            Words(_cut(value, width=width, size=size), x, value_at, size, self.foreground_color, anchor)
        )


def preview(credential_type: CredentialType) -> Preview:
    """A pass of this design, for a sample holder. Raises `Invalid` when its fields are broken."""
    images = image_uris(credential_type)
    written: dict[str, list[tuple[str, str]]] = {area: [] for area in AREAS}
    for shown in read_fields(credential_type.fields):
        written[shown.area].append((shown.label, _value(shown, label=credential_type.label)))
    drawn = Preview(
        background_color=credential_type.background_color,
        foreground_color=credential_type.foreground_color,
        label_color=credential_type.label_color,
        organization_name=credential_type.organization_name or credential_type.account.name,
        icon=images[Role.ICON].uri,
        back=written["back"],
    )
    _draw_top(drawn, images, logo_text=credential_type.logo_text, header=written["header"])
    y = _draw_body(drawn, images, style=credential_type.style, primary=written["primary"])
    rows = [written["secondary"], written["auxiliary"]]
    if credential_type.style == Style.BOARDING_PASS:
        rows.reverse()
    for row in filter(None, rows):
        _draw_row(drawn, row, y=y)
        y += 50
    _draw_barcode(drawn, images, credential_type, y=max(y, 250))
    return drawn


def image_uris(credential_type: CredentialType) -> dict[str, Picture]:
    """The design's images by role, each in its finest rendition, with its size in points."""
    found = {}
    # In this order the finest comes last.
    for name, png in sorted(image_files(credential_type).items()):
        role, _, scale = name.removesuffix(".png").partition("@")
        width, height = (pixels / int(scale[:1] or 1) for pixels in struct.unpack(">2L", png[16:24]))
        uri = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        found[role] = Picture(uri, 0, 0, width, height)
    return found


def _value(shown: PassField, *, label: str) -> str:
    if not shown.is_date:
        return fill(shown.value, {**SAMPLE, "label": label, "expires_at": f"{SAMPLE_END:%Y-%m-%d}"})
    moment = SAMPLE_END if shown.value == "{expires_at}" else datetime.fromisoformat(shown.value)
    has_date, has_time = (style not in ("", "none") for style in (shown.date_style, shown.time_style))
    return f"{moment:%-d %b %Y}" * has_date + ", " * (has_date and has_time) + f"{moment:%H:%M}" * has_time


def _draw_top(
    drawn: Preview, images: Mapping[str, Picture], *, logo_text: str, header: Sequence[tuple[str, str]]
) -> None:
    x: float = MARGIN
    if logo := images.get(Role.LOGO):
        drawn.pictures.append(replace(logo, x=x, y=12))
        x += logo.width + 8
    left = WIDTH - MARGIN
    for label, value in reversed(header):
        drawn.write(label, value, x=left, y=24, width=72, size=17, anchor="end")
        left -= 80
    words = _cut(logo_text, width=left - x, size=17)
    drawn.words.append(Words(words, x, 43, 17, drawn.foreground_color))


def _draw_body(
    drawn: Preview, images: Mapping[str, Picture], *, style: str, primary: Sequence[tuple[str, str]]
) -> float:
    """Draws the primary fields with the image that belongs to them; how far down that reaches."""
    if background := images.get(Role.BACKGROUND):
        drawn.backdrop = background
    if style == Style.BOARDING_PASS:
        return _draw_journey(drawn, primary)
    y, size, width, bottom = 92, 28, WIDTH - 2 * MARGIN, 192
    if strip := images.get(Role.STRIP):
        height = 98 if style == Style.EVENT_TICKET else 144
        drawn.pictures.append(replace(strip, x=0, y=74, width=WIDTH, height=height))
        y, size, bottom = 74 + height - 62, 34, 74 + height + 24
    if thumbnail := images.get(Role.THUMBNAIL):
        drawn.pictures.append(replace(thumbnail, x=WIDTH - MARGIN - thumbnail.width, y=78))
        width -= 104
    for label, value in primary:
        drawn.write(label, value, x=MARGIN, y=y, width=width, size=size)
    return bottom


def _draw_journey(drawn: Preview, primary: Sequence[tuple[str, str]]) -> float:
    places = zip(primary, ((MARGIN, "start"), (WIDTH - MARGIN, "end")), strict=False)
    for (label, value), (x, anchor) in places:
        drawn.write(label, value, x=x, y=92, width=150, size=34, anchor=anchor)
    if len(primary) > 1:
        drawn.words.append(Words("→", WIDTH / 2 - 12, 126, 26, drawn.label_color))
    return 166


def _draw_row(drawn: Preview, row: Sequence[tuple[str, str]], *, y: float) -> None:
    width = (WIDTH - 2 * MARGIN) / len(row)
    for number, (label, value) in enumerate(row):
        drawn.write(label, value, x=MARGIN + number * width, y=y, width=width - 8, size=16)


def _draw_barcode(
    drawn: Preview, images: Mapping[str, Picture], credential_type: CredentialType, *, y: float
) -> None:
    if footer := images.get(Role.FOOTER):
        drawn.pictures.append(replace(footer, x=(WIDTH - footer.width) / 2, y=y))
        y += footer.height + 10
    drawn.height = y + 20
    if credential_type.barcode_format == BarcodeFormat.NONE:
        return
    is_square = credential_type.barcode_format in (BarcodeFormat.QR, BarcodeFormat.AZTEC)
    width, height = (150, 150) if is_square else (290, 84)
    x, cells = (WIDTH - width) / 2, sample(credential_type.barcode_format)
    across, down = (width - 2 * QUIET) / cells.columns, (height - 2 * QUIET) / cells.rows
    transform = f"translate({x + QUIET} {y + QUIET}) scale({across:.3f} {down:.3f})"
    alt_text = SAMPLE["value"] if credential_type.barcode_alt_text else ""
    if alt_text:
        drawn.words.append(Words(alt_text, WIDTH / 2, y + height + 8, 12, "#000000", "middle"))
        height += 18
    drawn.barcode = Barcode(x, y, width, height, path=cells.path, transform=transform)
    drawn.height = y + height + 20


def _cut(words: str, *, width: float, size: int) -> str:
    most = max(1, int(width / (size * LETTER)))
    return words if len(words) <= most else words[: most - 1] + "…"

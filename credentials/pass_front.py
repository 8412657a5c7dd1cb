"""The front of a pass as a drawing: where everything goes, in the points of a 375 wide phone."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from credentials.images import Role
from credentials.models import CredentialType
from credentials.models.designs import Style

WIDTH = 375
MARGIN = 14
# Width of an average letter, as a part of its size. Chinese, Japanese and Korean ones are as wide as high.
LETTER = 0.56

Points = tuple[float, float]
# By area of the pass, labels with their values.
Written = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Words:
    """A line of text, and how many points of room it has; `anchor` is SVG's: start, middle or end."""

    words: str
    x: float
    y: float
    width: float
    size: int
    colour: str
    anchor: str = "start"

    @property
    def fitting(self) -> str:
        """As much of the words as there is room for."""
        return fitted(self.words, width=self.width, size=self.size)


@dataclass(frozen=True)
class Picture:
    """The place of an image of the design."""

    role: str
    x: float
    y: float
    width: float
    height: float


@dataclass
class Front:
    """A drawing from top to bottom, without the barcode."""

    background_color: str
    foreground_color: str
    label_color: str
    # How far down the fields reach.
    height: float = 0
    words: list[Words] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    # Behind all of it, blurred.
    has_backdrop: bool = False

    def write(
        self, label: str, value: str, *, x: float, y: float, width: float, size: int, anchor: str = "start"
    ) -> None:
        """A label, and below it a value of `size`, both with `width` points of room."""
        if label:
            self.words.append(Words(label.upper(), x, y, width, 10, self.label_color, anchor))
        self.words.append(Words(value, x, y + size + 3, width, size, self.foreground_color, anchor))


def draw_front(
    credential_type: CredentialType, *, images: Mapping[str, Points], written: Written, logo_text: str
) -> Front:
    """The front of a pass of this design; `images` has by role the size in points of what there is."""
    drawn = Front(
        background_color=credential_type.background_color,
        foreground_color=credential_type.foreground_color,
        label_color=credential_type.label_color,
        has_backdrop=Role.BACKGROUND in images,
    )
    _draw_top(drawn, images, logo_text=logo_text, header=written.get("header", ()))
    y = _draw_body(drawn, images, style=credential_type.style, primary=written.get("primary", ()))
    rows = [written.get("secondary", ()), written.get("auxiliary", ())]
    if credential_type.style == Style.BOARDING_PASS:
        rows.reverse()
    for row in filter(None, rows):
        _draw_row(drawn, row, y=y)
        y += 50
    drawn.height = y
    return drawn


def fitted(words: str, *, width: float, size: int) -> str:
    """As much of the words as `width` points have room for at that size; a mark stands for the rest."""
    room = width / size
    for number, letter in enumerate(words):
        room -= 1 if unicodedata.east_asian_width(letter) in "WF" else LETTER
        if room < 0:
            return words[: max(0, number - 1)].rstrip() + "…"
    return words


def _draw_top(
    drawn: Front, images: Mapping[str, Points], *, logo_text: str, header: Sequence[tuple[str, str]]
) -> None:
    x: float = MARGIN
    if Role.LOGO in images:
        width, height = images[Role.LOGO]
        drawn.pictures.append(Picture(Role.LOGO, x, 12, width, height))
        x += width + 8
    left = WIDTH - MARGIN
    for label, value in reversed(header):
        drawn.write(label, value, x=left, y=24, width=72, size=17, anchor="end")
        left -= 80
    if logo_text:
        drawn.words.append(Words(logo_text, x, 43, left - x, 17, drawn.foreground_color))


def _draw_body(
    drawn: Front, images: Mapping[str, Points], *, style: str, primary: Sequence[tuple[str, str]]
) -> float:
    """Draws the primary fields with the image that belongs to them; how far down that reaches."""
    if style == Style.BOARDING_PASS:
        return _draw_journey(drawn, primary)
    y, size, width, bottom = 92, 28, WIDTH - 2 * MARGIN, 192
    if Role.STRIP in images:
        height = 98 if style == Style.EVENT_TICKET else 144
        drawn.pictures.append(Picture(Role.STRIP, 0, 74, WIDTH, height))
        y, size, bottom = 74 + height - 62, 34, 74 + height + 24
    if Role.THUMBNAIL in images:
        across, down = images[Role.THUMBNAIL]
        drawn.pictures.append(Picture(Role.THUMBNAIL, WIDTH - MARGIN - across, 78, across, down))
        width -= 104
    for label, value in primary:
        drawn.write(label, value, x=MARGIN, y=y, width=width, size=size)
    return bottom


def _draw_journey(drawn: Front, primary: Sequence[tuple[str, str]]) -> float:
    places = zip(primary, ((MARGIN, "start"), (WIDTH - MARGIN, "end")), strict=False)
    for (label, value), (x, anchor) in places:
        drawn.write(label, value, x=x, y=92, width=150, size=34, anchor=anchor)
    if len(primary) > 1:
        drawn.words.append(Words("→", WIDTH / 2 - 12, 126, 30, 26, drawn.label_color))
    return 166


def _draw_row(drawn: Front, row: Sequence[tuple[str, str]], *, y: float) -> None:
    width = (WIDTH - 2 * MARGIN) / len(row)
    for number, (label, value) in enumerate(row):
        drawn.write(label, value, x=MARGIN + number * width, y=y, width=width - 8, size=16)

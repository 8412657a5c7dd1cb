"""The pass on its page, as the wallet will show it: the design's front with this holder's words.

No barcode: a value belongs to a pass in a wallet, of which there is none yet, and on a computer a second code
would be scanned in place of the page's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.core.signing import BadSignature, Signer

from credentials import days
from credentials.designs import finest_images, own_image_files
from credentials.errors import NotFound
from credentials.images import Role, Size, light_webp
from credentials.models import CredentialType
from credentials.pass_fields import FIELD_COUNTS, PLACEHOLDER, PassField, fill, read_fields
from credentials.pass_front import WIDTH, Front, Picture, Points, Written, draw_front, fitted

# Pixels, twice what a phone shows, and bytes, so that a page with all that it loads stays below 50 kB.
WEIGHTS: Mapping[str, tuple[Size, int]] = {
    Role.LOGO: ((320, 100), 5_000),
    Role.STRIP: ((2 * WIDTH, 288), 14_000),
    Role.THUMBNAIL: ((180, 180), 7_000),
    Role.BACKGROUND: ((WIDTH // 4, 115), 3_000),
}
# Wallet blurs it, and blurred it loses nothing by being small.
BACKGROUND_BLUR = 3.0
# A template of ours, beside those that a field may hold: the end as the page's language writes days.
END_DATE = "{end_date}"

_signer = Signer(salt="redemption.pictures", sep=".")


@dataclass(frozen=True)
class Slot:
    """Where a visitor's own words go: what stands for them, their template, and their room in points."""

    stand_in: str
    template: str
    width: float
    size: int

    def filled(self, texts: Mapping[str, str]) -> str:
        """The words of one visitor."""
        return fitted(fill(self.template, texts), width=self.width, size=self.size)


@dataclass(frozen=True)
class PassPicture:
    """What a page draws: images by their addresses, and lines of text, those of `slots` among them."""

    label: str
    front: Front
    # Labels and values as somebody hears them who cannot see the picture.
    spoken: list[tuple[str, str]]
    images: list[tuple[str, Picture]]
    backdrop: str
    slots: tuple[Slot, ...]


def draw(kind_id: int, version: int, *, known: frozenset[str], language: str) -> PassPicture:
    """The picture of a credential type, which has this version by now, in the current language.

    `known` are the placeholders that say something of this kind of visitor: as in a pass, a field of which
    nothing is known is left out.
    """
    design = _design(kind_id, version)
    words = design.kind.localizations.get(language, {})
    written, templates = _written(design, known=known, words=words)
    logo_text = design.kind.logo_text
    front = draw_front(
        design.kind, images=design.sizes, written=written, logo_text=words.get(logo_text, logo_text)
    )
    drawn = {line.words for line in front.words}
    return PassPicture(
        label=words.get(design.kind.label, design.kind.label),
        front=front,
        spoken=[pair for area in FIELD_COUNTS for pair in written.get(area, ()) if pair[1] in drawn],
        images=[(address(kind_id, version, picture.role), picture) for picture in front.pictures],
        backdrop=address(kind_id, version, Role.BACKGROUND) if front.has_backdrop else "",
        slots=tuple(
            Slot(line.words, templates[line.words], line.width, line.size)
            for line in front.words
            if line.words in templates
        ),
    )


def address(kind_id: int, version: int, role: str) -> str:
    """Where the page finds an image; signed, so that nobody sees other accounts' designs by counting."""
    return f"/brand/{_signer.sign(f'{kind_id}-{version}-{role}')}.webp"


@lru_cache(maxsize=256)
def image(signed: str) -> bytes:
    """The WebP file at an address that `address` wrote, as the design is by now. Raises `NotFound`."""
    try:
        kind_id, _, role = _signer.unsign(signed).split("-")
    except BadSignature:
        raise NotFound("There is no such image.") from None
    kind = CredentialType.objects.filter(pk=kind_id).first()
    found = finest_images(own_image_files(kind)).get(role) if kind else None
    if found is None:
        raise NotFound("There is no such image.")
    box, most_bytes = WEIGHTS[role]
    blur = BACKGROUND_BLUR if role == Role.BACKGROUND else 0
    return light_webp(found.png, box=box, most_bytes=most_bytes, blur=blur)


@dataclass(frozen=True)
class _Design:
    kind: CredentialType
    fields: tuple[PassField, ...]
    sizes: Mapping[str, Points]


@lru_cache(maxsize=512)
def _design(kind_id: int, version: int) -> _Design:
    del version
    kind = CredentialType.objects.get(pk=kind_id)
    sizes = {role: image.size for role, image in finest_images(own_image_files(kind)).items()}
    return _Design(kind, read_fields(kind.fields), sizes)


def _written(
    design: _Design, *, known: frozenset[str], words: Mapping[str, str]
) -> tuple[Written, dict[str, str]]:
    """The fields by area, with a stand-in for each value that is a visitor's own, and its template."""
    written: dict[str, list[tuple[str, str]]] = {}
    templates: dict[str, str] = {}
    for shown in design.fields:
        named = set(PLACEHOLDER.findall(shown.value))
        if named and not named & known:
            continue
        if named:
            value = _stand_in(len(templates))
            templates[value] = END_DATE if shown.is_date else shown.value
        else:
            value = _day(shown) if shown.is_date else words.get(shown.value, shown.value)
        written.setdefault(shown.area, []).append((words.get(shown.label, shown.label), value))
    return written, templates


def _stand_in(number: int) -> str:
    # Unicode sets these apart for a program's own use (section 23.7): no text has them, and no line is too
    # short for one letter.
    return chr(0xFDD0 + number)


def _day(shown: PassField) -> str:
    """A time that the design itself names, by the clock that it names it by."""
    moment = datetime.fromisoformat(shown.value)
    has_date, has_time = (style not in ("", "none") for style in (shown.date_style, shown.time_style))
    form = "SHORT_DATETIME_FORMAT" if has_time else "DATE_FORMAT"
    return days.written(moment, form if has_date else "TIME_FORMAT")

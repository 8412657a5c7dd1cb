"""Turns an uploaded picture into the PNG files of a pass; believes nothing about it before it has looked."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFile, ImageFilter, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from credentials.errors import Invalid
from credentials.models import DesignImage
from credentials.models.designs import Style

MOST_BYTES = 2_000_000
MOST_PIXELS = 10_000_000
LONGEST_TO_SHORTEST = 40
SCALES = (1, 2, 3)

Role = DesignImage.Role
Size = tuple[int, int]
_ICON_AND_LOGO: Mapping[Role, Size] = {Role.ICON: (29, 29), Role.LOGO: (160, 50)}
# The images that each style shows, with their size in points (Apple, "PassKit Package Format Reference").
SIZES: Mapping[str, Mapping[Role, Size]] = {
    Style.GENERIC: {**_ICON_AND_LOGO, Role.THUMBNAIL: (90, 90)},
    Style.STORE_CARD: {**_ICON_AND_LOGO, Role.STRIP: (375, 144)},
    Style.COUPON: {**_ICON_AND_LOGO, Role.STRIP: (375, 144)},
    Style.EVENT_TICKET: {
        **_ICON_AND_LOGO,
        Role.STRIP: (375, 98),
        Role.THUMBNAIL: (90, 90),
        Role.BACKGROUND: (180, 220),
    },
    Style.BOARDING_PASS: {**_ICON_AND_LOGO, Role.FOOTER: (286, 15)},
}
# These fill their place and lose what hangs over; an icon is padded to a square; the others fit inside.
_FILLING = (Role.STRIP, Role.BACKGROUND)
_READERS: Mapping[bytes, type[ImageFile.ImageFile]] = {
    b"\x89PNG\r\n\x1a\n": PngImageFile,
    b"\xff\xd8\xff": JpegImageFile,
}


def renditions(upload: bytes, *, role: str, style: str) -> dict[int, bytes]:
    """The PNG files made of `upload`, a PNG or JPEG file of at most 2 MB and 10 megapixels, by scale 1 to 3.

    A scale for which the picture is too small is left out: the device enlarges the one below as well as
    we could, and a logo smaller than its place stays as small as it is. Metadata is dropped. Raises
    `Invalid`, with the role as its field.
    """
    if role not in SIZES[style]:
        raise Invalid(role, f"{a_pass_of(style)} shows no {role}.")
    role = Role(role)
    picture = _read(upload, role=role)
    width, height = SIZES[style][role]
    # Pixels of the picture for each point of its place.
    pick = min if role in _FILLING else max
    density = pick(picture.width / width, picture.height / height)
    made = {}
    for scale in SCALES:
        if scale == 1 or density >= scale - 0.5:
            points = scale if density > 1 else density
            box = (max(1, round(width * points)), max(1, round(height * points)))
            made[scale] = _png(_shaped(picture, role=role, box=box))
    return made


def logo_png(upload: bytes, *, box: Size) -> bytes:
    """The PNG file made of `upload`, read as for a pass, and no larger than `box` pixels.

    A smaller picture stays as small as it is. Raises `Invalid` with `logo` as its field.
    """
    picture = _read(upload, role=Role.LOGO)
    picture.thumbnail(box, Image.Resampling.LANCZOS)
    return _png(picture)


def light_webp(png: bytes, *, box: Size, most_bytes: int, blur: float = 0) -> bytes:
    """The picture for a page, as WebP: within `box` pixels, and within `most_bytes` whatever it shows.

    `blur` is the radius, in pixels of the result.
    """
    picture: Image.Image = Image.open(io.BytesIO(png))
    picture.thumbnail(box, Image.Resampling.LANCZOS)
    if blur:
        picture = picture.convert("RGB").filter(ImageFilter.GaussianBlur(blur))
    for quality in (80, 60, 40, 20):
        file = io.BytesIO()
        picture.save(file, "WEBP", quality=quality)
        if file.tell() <= most_bytes:
            return file.getvalue()
    width, height = box
    return light_webp(png, box=(width * 2 // 3, height * 2 // 3), most_bytes=most_bytes, blur=blur)


@lru_cache(maxsize=1000)
def default_icon(*, background: str, foreground: str) -> Mapping[int, bytes]:
    """A neutral icon in the colours (`#rrggbb`) of a design that has none, as PNG files by scale."""
    drawn = Image.new("RGBA", (348, 348), (0, 0, 0, 0))
    pen = ImageDraw.Draw(drawn)
    pen.rounded_rectangle((0, 0, 347, 347), radius=78, fill=background)
    pen.rounded_rectangle((66, 96, 281, 251), radius=24, fill=foreground)
    pen.rectangle((66, 138, 281, 168), fill=background)
    return {scale: _png(ImageOps.contain(drawn, (29 * scale, 29 * scale))) for scale in SCALES}


def a_pass_of(style: str) -> str:
    """The style as the beginning of a sentence: `An event ticket`."""
    label = "generic pass" if style == Style.GENERIC else str(Style(style).label).lower()
    return f"{'An' if label[0] in 'aeiou' else 'A'} {label}"


def _read(upload: bytes, *, role: Role) -> Image.Image:
    if len(upload) > MOST_BYTES:
        raise Invalid(role, f"This file is larger than {MOST_BYTES // 1_000_000} MB.")
    reader = next((reader for magic, reader in _READERS.items() if upload.startswith(magic)), None)
    if reader is None:
        raise Invalid(role, "This is not a PNG or JPEG file.")
    try:
        # Only the header so far; the pixels are unpacked by what follows.
        picture = reader(io.BytesIO(upload))
        _refuse_by_header(picture, role=role)
        return _upright(picture)
    except Invalid:
        raise
    except Exception as error:
        # A decoder fed with hostile bytes raises whatever it likes.
        raise Invalid(role, "This picture is damaged or cut off and cannot be read.") from error


def _refuse_by_header(picture: ImageFile.ImageFile, *, role: Role) -> None:
    width, height = picture.size
    has = f"This picture has {width} by {height} pixels"
    if width * height > MOST_PIXELS:
        raise Invalid(role, f"{has}; at most {MOST_PIXELS // 1_000_000} megapixels are read.")
    if getattr(picture, "is_animated", False):
        raise Invalid(role, "This picture is animated; a pass shows still pictures.")
    if role is Role.ICON and min(width, height) < 29:
        raise Invalid(role, f"{has}; an icon needs at least 29 by 29.")
    if max(width, height) > LONGEST_TO_SHORTEST * min(width, height):
        raise Invalid(role, f"{has} and would be a line.")


def _upright(picture: ImageFile.ImageFile) -> Image.Image:
    """The pixels as RGBA, turned as a camera's EXIF note says, without anything else of the file."""
    turned = ImageOps.exif_transpose(picture)
    if turned.mode.startswith("I"):
        # Pillow would cut 16-bit grey off at 255 instead of scaling it.
        turned = turned.convert("I").point(lambda grey: grey / 256).convert("L")
    pixels = turned.convert("RGBA")
    pixels.info = {}
    return pixels


def _shaped(picture: Image.Image, *, role: Role, box: Size) -> Image.Image:
    lanczos = Image.Resampling.LANCZOS
    if role in _FILLING:
        return ImageOps.fit(picture, box, lanczos)
    if role is Role.ICON:
        return ImageOps.pad(picture, box, lanczos, color=(0, 0, 0, 0))
    return ImageOps.contain(picture, box, lanczos)


def _png(image: Image.Image) -> bytes:
    opaque = image.getchannel("A").getextrema() == (255, 255)
    file = io.BytesIO()
    (image.convert("RGB") if opaque else image).save(file, "PNG", optimize=True)
    return file.getvalue()

"""Picture files as people upload them, and as attackers do."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image


def png(width: int = 200, height: int = 200, *, mode: str = "RGB", colour: str = "#2040a0") -> bytes:
    """A plain PNG file."""
    file = io.BytesIO()
    Image.new("RGBA", (width, height), colour).convert(mode).save(file, "PNG")
    return file.getvalue()


def noise(width: int, height: int) -> bytes:
    """A PNG file that nothing can make small."""
    file = io.BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(file, "PNG")
    return file.getvalue()


def jpeg(width: int = 200, height: int = 200, *, orientation: int | None = None) -> bytes:
    """A JPEG file, left half red and right half blue, with a camera's note when asked for."""
    image = Image.new("RGB", (width, height), "#ff0000")
    image.paste("#0000ff", (width // 2, 0, width, height))
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    exif[0x010F] = "Camera of Ada Lovelace"
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95, exif=exif)
    return file.getvalue()


def chunked_png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file written by hand: 8-bit grey, with these chunks after its header."""
    header = struct.pack(">2L5B", width, height, 8, 0, 0, 0, 0)
    written = ((b"IHDR", header), *chunks, (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in written)


def grey_rows(width: int, height: int) -> tuple[bytes, bytes]:
    """The pixels of a grey picture as its data chunk."""
    return b"IDAT", zlib.compress((b"\0" + b"\x80" * width) * height)


def pixels(file: bytes) -> Image.Image:
    """What a device would show of a rendition."""
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        return image


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

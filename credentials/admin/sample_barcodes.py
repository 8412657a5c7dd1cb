"""Drawings that look like barcodes and hold nothing: a preview has no value to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from credentials.models.designs import BarcodeFormat

SIDE = 25
QUIET = 10
_CENTRE = SIDE // 2


def sample_path(barcode_format: str, *, width: float, height: float) -> str:
    """The dark parts of a sample as an SVG path that fills `width` by `height`, but for a quiet zone."""
    columns, rows = (SIDE, SIDE) if barcode_format in _SQUARE else (90, _ROWS[barcode_format])
    across, down = (width - 2 * QUIET) / columns, (height - 2 * QUIET) / rows
    dark = _SQUARE.get(barcode_format, _in_bars)
    return "".join(
        f"M{QUIET + x * across:.2f} {QUIET + y * down:.2f}h{across:.2f}v{down:.2f}h-{across:.2f}z"
        for x, y in _grid(columns, rows)
        if dark(x, y)
    )


def _in_qr(x: int, y: int) -> bool:
    for corner_x, corner_y in ((3, 3), (SIDE - 4, 3), (3, SIDE - 4)):
        ring = max(abs(x - corner_x), abs(y - corner_y))
        if ring <= 4:
            return ring not in (2, 4)
    return _noise(x, y)


def _in_aztec(x: int, y: int) -> bool:
    ring = max(abs(x - _CENTRE), abs(y - _CENTRE))
    return ring % 2 == 0 if ring <= 5 else _noise(x, y)


def _in_bars(x: int, y: int) -> bool:
    # Such a code begins and ends with bars of its full height.
    return _noise(x, y + 1 if 8 <= x < 82 else 0)


def _grid(columns: int, rows: int) -> Iterator[tuple[int, int]]:
    return ((x, y) for y in range(rows) for x in range(columns))


def _noise(x: int, y: int) -> bool:
    return bool((x * 73_856_093 ^ y * 19_349_663) * 2_654_435_761 >> 17 & 1)


_SQUARE: Mapping[str, Callable[[int, int], bool]] = {BarcodeFormat.QR: _in_qr, BarcodeFormat.AZTEC: _in_aztec}
_ROWS: Mapping[str, int] = {BarcodeFormat.PDF417: 10, BarcodeFormat.CODE128: 1}

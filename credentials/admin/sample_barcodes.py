"""Drawings that look like barcodes and hold nothing: a preview has no value to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from credentials.models.designs import BarcodeFormat

SIDE = 25
BAR_COLUMNS = 90
_CENTRE = SIDE // 2


@dataclass(frozen=True)
class Sample:
    """Which of `columns` by `rows` cells are dark, as an SVG path in which a cell is one by one."""

    columns: int
    rows: int
    path: str


def sample(barcode_format: str) -> Sample:
    """A drawing for a format that shows something."""
    is_dark = _SQUARE.get(barcode_format, _in_bars)
    columns, rows = (SIDE, SIDE) if barcode_format in _SQUARE else (BAR_COLUMNS, _ROWS[barcode_format])
    cells = ((x, y) for y in range(rows) for x in range(columns))
    return Sample(columns, rows, "".join(f"M{x} {y}h1v1h-1z" for x, y in cells if is_dark(x, y)))


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
    return _noise(x, y + 1 if 8 <= x < BAR_COLUMNS - 8 else 0)


def _noise(x: int, y: int) -> bool:
    return bool((x * 73_856_093 ^ y * 19_349_663) * 2_654_435_761 >> 17 & 1)


_SQUARE: Mapping[str, Callable[[int, int], bool]] = {BarcodeFormat.QR: _in_qr, BarcodeFormat.AZTEC: _in_aztec}
_ROWS: Mapping[str, int] = {BarcodeFormat.PDF417: 10, BarcodeFormat.CODE128: 1}

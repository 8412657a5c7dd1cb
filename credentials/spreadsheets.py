"""CSV files for spreadsheets to open: in an encoding that they recognise, and without a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import Protocol

# What a cell begins with that a spreadsheet calculates instead of showing (OWASP, "CSV Injection").
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Writable(Protocol):
    """A file, or an answer."""

    def write(self, text: str, /) -> object:
        """Takes more text."""


def write_table(file: Writable, *, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a CSV file with a byte order mark, by which Excel knows UTF-8."""
    file.write("\ufeff")
    lines = csv.writer(file)
    lines.writerow(header)
    lines.writerows([_inert(str(cell)) for cell in row] for row in rows)


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell

"""A CSV file of people, as spreadsheets and other programs write it: read whole, or refused whole.

Rows have the numbers that a spreadsheet shows: the header is row 1 unless blank lines stand above it, and a
cell that holds several lines does not count for more. Formulas are text like any other.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

from credentials.errors import Invalid

# The name that refusals of a whole file have.
FILE = "file"
MOST_BYTES = 5_000_000
MOST_PEOPLE = 50_000
DELIMITERS = ",;\t"
# By this first line Excel is told the delimiter; it shows the line below as row 1.
_TOLD = re.compile(rf"\s*\"?sep=([{DELIMITERS}])[{DELIMITERS}\" ]*(?:\r\n|\r|\n)", re.IGNORECASE)
COLUMNS = (
    *("first_name", "last_name", "email", "system_id"),
    *("enabled", "valid_from", "valid_to", "language"),
)
REQUIRED_COLUMNS = ("first_name", "last_name")
SAMPLE = """\
first_name,last_name,email,system_id,enabled,valid_from,valid_to,language
Ada,Lovelace,ada@example.org,member-1815,yes,2026-01-01,2027-01-01,en
Grace,Hopper,grace@example.org,member-1906,yes,2026-01-01T08:00:00Z,,de
"""


class Row(NamedTuple):
    """One person as the file has them: cells by column, without the white space around them."""

    number: int
    cells: dict[str, str]
    has_surplus: bool  # cells beyond the last column


def decode(content: bytes) -> str:
    """The text of a file in UTF-8, with or without a byte order mark. Raises `Invalid`."""
    if len(content) > MOST_BYTES:
        raise Invalid(FILE, f"A file has at most {MOST_BYTES // 1_000_000} MB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Invalid(
            FILE,
            f"This file is not in UTF-8: see line {line}. Save it again, in Excel as “CSV UTF-8”, "
            "in LibreOffice as “Text CSV” with the character set Unicode (UTF-8).",
        ) from None
    if "\0" in text:
        raise Invalid(FILE, "This is no CSV file: it holds NUL characters. Save it as CSV in UTF-8.")
    return text


def read_rows(text: str) -> list[Row]:
    """The people of a file, without blank lines. Raises `Invalid` for what is wrong with it as a whole."""
    records = _records(text)
    _, names = next(records, (0, []))
    columns = _columns(names)
    rows: list[Row] = []
    for number, cells in records:
        if len(rows) == MOST_PEOPLE:
            raise Invalid(FILE, f"A file has at most {MOST_PEOPLE:,} people.")
        surplus = any(cells[len(columns) :])
        rows.append(Row(number, dict(zip(columns, cells, strict=False)), surplus))
    if not rows:
        raise Invalid(FILE, "There is nobody in this file: only a header.")
    return rows


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    number = 0
    told = _TOLD.match(text)
    if told:
        text = text[told.end() :]
    delimiter = told[1] if told else _delimiter(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, record in enumerate(lines, start=1):
            cells = [cell.strip() for cell in record]
            if any(cells):
                yield number, cells
    except csv.Error:
        raise Invalid(
            FILE,
            f"Row {number + 1} cannot be read: its quotation marks are not in pairs, "
            f"or a cell has more than {csv.field_size_limit():,} characters.",
        ) from None


def _delimiter(text: str) -> str:
    """Whichever the header has most of."""
    lines = io.StringIO(text, newline=None)
    header = next((line for line in lines if line.strip(f" {DELIMITERS}\n")), "")
    return max(DELIMITERS, key=header.count)


def _columns(names: list[str]) -> list[str]:
    # Spreadsheets write a cell for whatever was once to the right of the table.
    while names and not names[-1]:
        names = names[:-1]
    columns = [name.lower() for name in names]
    if unknown := [_shown(name) for name in names if name.lower() not in COLUMNS]:
        raise Invalid(
            FILE, f"The header has columns that are not known: {_list(unknown)}. Known: {_list(COLUMNS)}."
        )
    if missing := [name for name in REQUIRED_COLUMNS if name not in columns]:
        raise Invalid(FILE, f"The header, the first row, lacks {' and '.join(missing)}.")
    if repeated := [name for name in COLUMNS if columns.count(name) > 1]:
        raise Invalid(FILE, f"The header has {_list(repeated)} more than once.")
    return columns


def _shown(name: str) -> str:
    """Short enough for a sentence."""
    return f"“{name[:40]}”"


def _list(names: list[str] | tuple[str, ...]) -> str:
    more = " …" if len(names) > len(COLUMNS) else ""
    return ", ".join(names[: len(COLUMNS)]) + more

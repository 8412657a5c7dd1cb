"""What is read as a CSV file of people, what is said of one that is refused, and how rows are numbered."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials import people_csv
from credentials.errors import Invalid
from credentials.people_csv import MOST_BYTES, SAMPLE, decode, read_rows

HEADER = "first_name,last_name,email\n"
ADA = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org"}


def refusal(content: bytes) -> str:
    """What is said of a file."""
    with pytest.raises(Invalid) as refused:
        read_rows(decode(content))
    assert refused.value.field == "file"
    return refused.value.sentence


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_whatever_a_spreadsheet_writes_is_read(encoding: str, delimiter: str, line_end: str) -> None:
    text = "first_name,last_name,email\nAda,Lovelace,ada@example.org\nZoë,Müller,\n"
    content = text.replace(",", delimiter).replace("\n", line_end).encode(encoding)
    rows = read_rows(decode(content))
    assert [row.number for row in rows] == [2, 3]
    assert rows[0].cells == ADA
    assert rows[1].cells == {"first_name": "Zoë", "last_name": "Müller", "email": ""}


def test_columns_stand_in_any_order_and_case() -> None:
    [row] = read_rows(" EMAIL ,Last_Name,first_name\nada@example.org,Lovelace, Ada \n")
    assert row.cells == ADA


@pytest.mark.parametrize("told", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;"])
def test_the_line_that_tells_excel_the_delimiter_is_no_row(told: str) -> None:
    [row] = read_rows(f"{told}\r\nfirst_name;last_name;email\r\nAda;Lovelace, King;\r\n")
    assert (row.number, row.cells["last_name"]) == (2, "Lovelace, King")


def test_empty_cells_to_the_right_of_the_header_are_no_columns() -> None:
    empty, surplus = read_rows("first_name,last_name, ,\nAda,Lovelace,,\nAda,Lovelace,,x\n")
    assert empty.cells == {"first_name": "Ada", "last_name": "Lovelace"}
    assert [row.has_surplus for row in (empty, surplus)] == [False, True]


def test_rows_have_the_numbers_of_a_spreadsheet() -> None:
    text = '\n,,\nfirst_name,last_name\n\n"Ada\nAugusta",King\n , \nGrace,Hopper\n'
    assert [(row.number, row.cells["last_name"]) for row in read_rows(text)] == [(5, "King"), (7, "Hopper")]


def test_short_rows_lack_columns_and_long_ones_have_a_surplus() -> None:
    short, long, wide = read_rows(f"{HEADER}Ada,Lovelace\nAda,Lovelace,a@b.example,x\nAda,Lovelace,,,\n")
    assert "email" not in short.cells
    assert [row.has_surplus for row in (short, long, wide)] == [False, True, False]


def test_a_formula_is_a_text() -> None:
    [row] = read_rows(f"{HEADER}=cmd|' /C calc'!A0,@SUM(1),\n")
    assert row.cells["first_name"] == "=cmd|' /C calc'!A0"
    assert row.cells["last_name"] == "@SUM(1)"


def test_the_sample_is_a_file() -> None:
    assert [row.cells["first_name"] for row in read_rows(SAMPLE)] == ["Ada", "Grace"]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
def test_another_encoding_is_refused_with_the_way_out(encoding: str) -> None:
    said = refusal(f"{HEADER}Zoë,Müller,\n".encode(encoding))
    assert said.startswith(f"This file is not in UTF-8: see line {1 if encoding == 'utf-16' else 2}.")
    assert "CSV UTF-8" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lacks first_name and last_name"),
        ("\n\n", "lacks first_name and last_name"),
        ("first_name,email\n", "lacks last_name"),
        (HEADER, "There is nobody in this file"),
        (f"{HEADER},,\n\n", "There is nobody in this file"),
        ("first_name,last_name,phone,=cmd\nA,B,1,2\n", "not known: “phone”, “=cmd”. Known: first_name,"),
        ("first_name,,last_name\nA,,B\n", "not known: “”."),
        ("sep=|\nfirst_name|last_name\nA|B\n", "not known: “sep=|”."),
        ("first_name,last_name,EMAIL,email\nA,B,c,d\n", "has email more than once"),
        (f'{HEADER}Ada,Lovelace,\n"Grace,Hopper,\n', "Row 3 cannot be read: its quotation marks"),
        (f'{HEADER}"Ada"x,Lovelace,\n', "Row 2 cannot be read: its quotation marks"),
        (f"{HEADER}{'x' * (csv.field_size_limit() + 1)},Lovelace,\n", "more than 131,072 characters"),
        (f"{HEADER}A\0da,Lovelace,\n", "it holds NUL characters"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(text: str, said: str) -> None:
    assert said in refusal(text.encode())


def test_a_header_of_nonsense_makes_no_long_sentence() -> None:
    assert len(refusal(",".join(["x" * 1000] * 1000).encode())) < 700


def test_a_file_has_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(b"x" * (MOST_BYTES + 1)) == "A file has at most 5 MB."
    monkeypatch.setattr(people_csv, "MOST_PEOPLE", 2)
    assert len(read_rows(f"{HEADER}Ada,Lovelace,\n\nGrace,Hopper,\n")) == 2
    assert refusal(f"{HEADER}A,B,\nA,B,\nA,B,\n".encode()) == "A file has at most 2 people."


@given(st.one_of(st.binary(), st.text().map(lambda text: f"{HEADER}{text}".encode(errors="replace"))))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        rows = read_rows(decode(content))
    except Invalid:
        rows = []
    else:
        assert rows
    assert all(any(row.cells.values()) or row.has_surplus for row in rows)

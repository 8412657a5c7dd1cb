"""What becomes of the rows of a file: each makes a person, changes one, changes nothing, or is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rest_framework import serializers

from credentials.api.fields import Flag
from credentials.api.shapes import PersonInput
from credentials.errors import Refusal
from credentials.models import Account, Person
from credentials.models.accounts import languages
from credentials.people_csv import Row
from credentials.roster import KEYS, Columns, Roster, folded

# Makes or changes a person: given the one who is there, or nobody, and the columns that the row has.
Keep = Callable[[Person | None, Columns], Person]

# What an empty cell does not empty.
STAYING = ("system_id", "enabled")
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


_BAD_TIME: dict[str, Any] = {
    "invalid": "Write a day, such as 2026-12-31, or a time, such as 2026-12-31T08:00:00+01:00."
}


class PersonRow(PersonInput):
    """A person as a row has them: what the API takes, with words for people who write files."""

    enabled = Flag(
        required=False, error_messages={"invalid": f"This must be one of {', '.join(FLAGS)}, or empty."}
    )
    valid_from = serializers.DateTimeField(allow_null=True, required=False, error_messages=_BAD_TIME)
    valid_to = serializers.DateTimeField(allow_null=True, required=False, error_messages=_BAD_TIME)
    language = serializers.ChoiceField(
        choices=languages(),
        allow_blank=True,
        required=False,
        error_messages={"invalid_choice": f"This must be one of {', '.join(dict(languages()))}."},
    )


@dataclass(frozen=True)
class Outcome:
    """How many rows were created, updated, unchanged and refused; and each refusal, for people to read."""

    counts: Counter[str] = field(default_factory=Counter)
    refusals: list[dict[str, Any]] = field(default_factory=list)


def find_repeats(rows: Sequence[Row]) -> dict[int, dict[str, str]]:
    """What to say of the rows that name somebody whom a row above names, by row number and column."""
    repeats: dict[int, dict[str, str]] = {}
    first: dict[tuple[str, str], int] = {}
    for row in rows:
        for key in KEYS:
            value = folded(key, row.cells.get(key, ""))
            above = first.setdefault((key, value), row.number)
            if value and above != row.number:
                said = f"Row {above} and row {row.number} have the same {key}."
                repeats.setdefault(row.number, {})[key] = said
    return repeats


def settle(
    rows: Sequence[Row], *, account: Account, repeats: dict[int, dict[str, str]], keep: Keep
) -> Outcome:
    """Calls `keep` for each row that makes or changes a person, in their order."""
    outcome = Outcome()
    read = [(row, *_read(row, refusals=repeats.get(row.number, {}))) for row in rows]
    roster = Roster(account, [columns for _, columns, refusals in read if not refusals])
    for row, columns, refusals in read:
        became, refusals = ("refused", refusals) if refusals else _settle(columns, roster=roster, keep=keep)
        outcome.counts[became] += 1
        outcome.refusals.extend(
            {"row": row.number, "field": name, "message": message} for name, message in refusals.items()
        )
    return outcome


_row_shape = PersonRow()


def _read(row: Row, *, refusals: dict[str, str]) -> tuple[Columns, dict[str, str]]:
    """The columns that a row sets, and what is wrong with them by column; "" is the row as a whole."""
    if row.has_surplus:
        return {}, {"": "This row has more cells than the header."}
    try:
        columns = _row_shape.run_validation(_sent(row.cells))
    except serializers.ValidationError as error:
        detail: dict[str, Any] = dict(error.detail)  # type: ignore[arg-type]  # of a serializer, by field
        return {}, {name: " ".join(map(str, said)) for name, said in detail.items()} | refusals
    return columns, refusals


def _sent(cells: dict[str, str]) -> Columns:
    """The cells as the API would be sent them: an empty one empties, but for `STAYING`."""
    sent: Columns = {
        name: cell for name, cell in cells.items() if cell or name not in ("enabled", "system_id")
    }
    if "enabled" in sent:
        sent["enabled"] = FLAGS.get(sent["enabled"].lower(), sent["enabled"])
    if "language" in sent:
        sent["language"] = sent["language"].lower()
    for name in ("valid_from", "valid_to"):
        if name in sent:
            sent[name] = sent[name] or None
    return sent


def _settle(columns: Columns, *, roster: Roster, keep: Keep) -> tuple[str, dict[str, str]]:
    try:
        former = roster.find(columns)
        if former is not None and all(getattr(former, name) == value for name, value in columns.items()):
            return "unchanged", {}
        person = keep(former, columns)
    except Refusal as refusal:
        return "refused", {getattr(refusal, "field", ""): refusal.sentence}
    roster.replace(former, person)
    return "created" if former is None else "updated", {}

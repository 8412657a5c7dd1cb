"""What becomes of each row of a file, and that a dry run says the same as what then happens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from credentials import people_imports
from credentials.models import Account, Event, PeopleImport, Person
from tests import factories
from tests.credentials.csv_files import HEADER, check, counts, imported, many, started, written


def both(account: Account, content: bytes) -> PeopleImport:
    """The import of a file whose check said the same, and wrote nothing."""
    before = list(account.people.order_by("pk").values()), Event.objects.count()
    checked = check(account, content)
    assert (list(account.people.order_by("pk").values()), Event.objects.count()) == before
    done = imported(account, content)
    assert counts(checked) == counts(done)
    assert checked.refusals == done.refusals
    return done


def people(account: Account, *columns: str) -> list[tuple[Any, ...]]:
    """The people of an account, in the order in which they came."""
    return list(account.people.order_by("pk").values_list(*(columns or ("first_name", "email", "system_id"))))


def test_people_are_made_changed_and_left_alone(acme: Account, globex: Account) -> None:
    for account in (acme, globex):
        factories.person(account, first_name="Ada", email="ada@example.org", system_id="m-1")
        factories.person(account, first_name="Grace", email="grace@example.org", system_id="")
    done = both(
        acme,
        written(
            "Ada,Lovelace,ada@example.org,m-1",
            "Amazing,Hopper,GRACE@example.org,",
            "Joan,Clarke,joan@example.org,m-3",
        ),
    )
    assert counts(done) == {"created": 1, "updated": 1, "unchanged": 1}
    assert people(acme) == [
        ("Ada", "ada@example.org", "m-1"),
        ("Amazing", "GRACE@example.org", ""),
        ("Joan", "joan@example.org", "m-3"),
    ]
    assert people(globex) == [("Ada", "ada@example.org", "m-1"), ("Grace", "grace@example.org", "")]
    trail = list(acme.events.order_by("pk").values_list("type", "actor"))
    assert trail == [
        ("person.updated", "admin:bob"),
        ("person.created", "admin:bob"),
        ("people.imported", "admin:bob"),
    ]


def test_a_system_id_counts_before_an_address(acme: Account) -> None:
    factories.person(acme, first_name="Ada", email="old@example.org", system_id="m-1")
    both(acme, written("Ada,Lovelace,new@example.org,m-1"))
    assert people(acme) == [("Ada", "new@example.org", "m-1")]


def test_who_had_no_system_id_gets_the_one_of_the_file(acme: Account) -> None:
    factories.person(acme, first_name="Ada", email="ada@example.org", system_id="")
    both(acme, written("Ada,Lovelace,ada@example.org,m-1"))
    assert people(acme) == [("Ada", "ada@example.org", "m-1")]


@pytest.mark.parametrize("system_id", ["m-2", "m-3"])
def test_an_address_is_not_taken_from_whom_another_system_id_names(acme: Account, system_id: str) -> None:
    factories.person(acme, first_name="Ada", email="ada@example.org", system_id="m-1")
    factories.person(acme, first_name="Bob", email="bob@example.org", system_id="m-2")
    done = both(acme, written(f"Eve,Moore,Ada@Example.org,{system_id}"))
    said = "A person with another system_id has this e-mail address."
    assert done.refusals == [{"row": 2, "field": "email", "message": said}]
    assert [first_name for first_name, *_ in people(acme)] == ["Ada", "Bob"]


def test_an_address_that_a_row_gives_up_is_free_for_the_next(acme: Account) -> None:
    factories.person(acme, first_name="Ada", email="desk@example.org", system_id="m-1")
    done = both(acme, written("Ada,Lovelace,ada@example.org,m-1", "Bob,Moore,desk@example.org,m-2"))
    assert counts(done) == {"created": 1, "updated": 1}


def test_only_the_columns_of_the_file_are_changed(acme: Account) -> None:
    ended = datetime(2030, 1, 1, tzinfo=UTC)
    factories.person(acme, email="ada@example.org", system_id="m-1", valid_to=ended, language="de")
    both(acme, written("Augusta,King,m-1", header="first_name,last_name,system_id"))
    columns = ("first_name", "last_name", "email", "valid_to", "language")
    assert people(acme, *columns) == [("Augusta", "King", "ada@example.org", ended, "de")]


def test_an_empty_cell_empties_but_for_what_must_be_there(acme: Account) -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    held = {"valid_from": moment, "valid_to": datetime(2031, 1, 1, tzinfo=UTC), "language": "en"}
    factories.person(acme, email="ada@example.org", system_id="m-1", enabled=False, **held)
    factories.person(acme, email="bob@example.org", system_id="m-2")
    header = f"{HEADER},enabled,valid_from,valid_to,language"
    both(acme, written("Ada,Lovelace,,m-1,,,,", "Bob,Moore,bob@example.org,,,,,", header=header))
    columns = ("email", "system_id", "enabled", "valid_from", "valid_to", "language")
    assert people(acme, *columns) == [
        ("", "m-1", False, None, None, ""),
        ("bob@example.org", "m-2", True, None, None, ""),
    ]


def test_flags_times_and_languages_are_read(acme: Account) -> None:
    both(
        acme,
        written(
            "Ada,Lovelace,TRUE,2026-01-01,2027-01-01T12:00:00+02:00,EN",
            "Bob,Moore,no,,,",
            "Eve,Moore,1,,,",
            "Joan,Clarke,0,,,",
            header="first_name,last_name,enabled,valid_from,valid_to,language",
        ),
    )
    begins, ends = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, 10, tzinfo=UTC)
    assert people(acme, "enabled", "valid_from", "valid_to", "language") == [
        (True, begins, ends, "en"),
        (False, None, None, ""),
        (True, None, None, ""),
        (False, None, None, ""),
    ]


def test_disabling_by_a_file_is_an_event(acme: Account) -> None:
    factories.person(acme, first_name="Ada", last_name="Lovelace", system_id="m-1")
    both(acme, written("Ada,Lovelace,m-1,no", header="first_name,last_name,system_id,enabled"))
    assert acme.events.earliest("pk").type == "person.disabled"


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("first_name", "", "This field may not be blank."),
        ("last_name", "x" * 101, "Ensure this field has no more than 100 characters."),
        ("email", "ada at example.org", "Enter a valid email address."),
        ("system_id", "x" * 101, "Ensure this field has no more than 100 characters."),
        ("first_name", "A\u202eda", "This holds the control character U+202E."),
        ("last_name", "Love\x1blace", "This holds the control character U+001B."),
        ("last_name", '"Love\nlace"', "This holds the control character U+000A."),
        ("system_id", "m\x851", "This holds the control character U+0085."),
        ("enabled", "perhaps", "This must be one of true, yes, 1, false, no, 0, or empty."),
        ("valid_from", "31.12.2026", "Write a day, such as 2026-12-31, or a time, such as 2026-12-31T08:00"),
        ("valid_to", "2020-01-01", "This must be later than valid_from."),
        ("language", "tlh", "This must be one of "),
    ],
)
def test_what_is_refused_is_named_by_row_and_column(acme: Account, column: str, cell: str, said: str) -> None:
    good = {"first_name": "Ada", "last_name": "Lovelace", "valid_from": "2026-01-01"}
    row = {**good, column: cell}
    done = both(acme, written("", ",".join(row.values()), header=",".join(row)))
    [refused] = done.refusals
    assert (refused["row"], refused["field"]) == (3, column)
    assert refused["message"].startswith(said)
    assert not acme.people.exists()


def test_a_row_with_two_faults_is_refused_once_with_both(acme: Account) -> None:
    done = both(acme, written(",Lovelace,nonsense,m-1", "Ada,Lovelace,,,more"))
    assert counts(done) == {"refused": 2}
    assert [(one["row"], one["field"]) for one in done.refusals] == [(2, "first_name"), (2, "email"), (3, "")]


def test_repeated_people_are_named_with_both_rows(acme: Account) -> None:
    done = both(
        acme,
        written(
            "Ada,Lovelace,ada@example.org,m-1", "Bob,Moore,ADA@example.org,m-2", "Eve,Moore,,m-1", "A,B,,"
        ),
    )
    assert done.refusals == [
        {"row": 3, "field": "email", "message": "Row 2 and row 3 have the same email."},
        {"row": 4, "field": "system_id", "message": "Row 2 and row 4 have the same system_id."},
    ]
    assert [first_name for first_name, *_ in people(acme)] == ["Ada", "A"]


def test_whom_no_key_names_is_made_anew(acme: Account) -> None:
    for _ in range(2):
        both(acme, written("Ada,Lovelace,,", "Ada,Lovelace,,"))
    assert acme.people.count() == 4


def test_deleted_people_do_not_come_back(acme: Account) -> None:
    gone = factories.person(acme, email="", system_id="m-1", deleted_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert counts(both(acme, written("Ada,Lovelace,,m-1"))) == {"created": 1}
    gone.refresh_from_db()
    assert gone.deleted_at is not None


def test_formulas_stay_text(acme: Account) -> None:
    both(acme, written("=cmd|' /C calc'!A0,@SUM(1+1),,+1"))
    assert people(acme, "first_name", "last_name", "system_id") == [("=cmd|' /C calc'!A0", "@SUM(1+1)", "+1")]


def test_a_check_asks_the_database_no_more_for_hundreds_of_rows(acme: Account) -> None:
    imported(acme, many(200))
    asked = []
    for count in (2, 200):
        with CaptureQueriesContext(connection) as queries:
            assert counts(check(acme, many(count))) == {"unchanged": count}
        asked.append(len(queries))
    assert asked[0] == asked[1] < 10


def test_what_changes_after_the_check_is_found_by_the_import(acme: Account) -> None:
    running = started(acme, written("Ada,Lovelace,ada@example.org,m-1"))
    factories.person(acme, first_name="Ada", email="ada@example.org", system_id="m-9")
    people_imports.import_due()
    running.refresh_from_db()
    assert counts(running) == {"refused": 1}
    assert Person.objects.count() == 1

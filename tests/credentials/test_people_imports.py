"""Imports of people: begun once, cancelled in between, killed and gone on with; they make people only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credentials import doorbell, people, people_imports, tasks
from credentials.errors import Conflict, Invalid
from credentials.models import Account, Credential, Event, Invitation, PeopleImport, Person, RedemptionUrl
from credentials.people_csv import Row, read_rows
from tests.credentials.csv_files import check, counts, imported, many, started, written
from tests.credentials.simultaneous import at_once


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several batches for a few rows, without a pause between them."""
    monkeypatch.setattr(people_imports, "BATCH", 3)
    monkeypatch.setattr(people_imports, "BREATH", 0)


def fail_at(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], object]) -> None:
    """Acts in the place of making the person of that number, once."""
    made: list[Any] = []

    def create_person(account: Account, **columns: Any) -> Person:
        made.append(columns)
        if len(made) == number:
            act()
        return people.create_person(account, **columns)

    monkeypatch.setattr(people_imports, "create_person", create_person)


def a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose time is up after a batch."""
    monkeypatch.setattr(people_imports, "RUN_SECONDS", 0)
    people_imports.import_due()


class Killed(BaseException):
    """The worker is gone."""


def die() -> None:
    raise Killed


def lease_ends() -> None:
    """Time passes."""
    PeopleImport.objects.filter(status="running").update(due_at=timezone.now())


def test_an_import_makes_people_and_nothing_else(acme: Account, globex: Account) -> None:
    done = imported(acme, many(8))
    assert (done.status, done.rows, done.rows_done, done.due_at) == ("done", 8, 8, None)
    assert done.finished_at is not None
    assert done.content == ""
    assert acme.people.count() == 8
    assert not globex.people.exists()
    for rows in (Credential, RedemptionUrl, Invitation):
        assert not rows.objects.exists()


def test_the_end_is_one_event_with_counts_alone(acme: Account) -> None:
    done = imported(acme, written("Ada,Lovelace,ada@example.org,m-1", "Bob,,,"))
    event = Event.objects.get(type="people.imported")
    assert (event.account, event.actor, event.person) == (acme, "admin:bob", None)
    assert event.data == {
        "import_id": done.public_id,
        "rows": 2,
        "rows_done": 2,
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "refused": 1,
    }


def test_a_check_writes_nobody_and_is_not_taken_in_by_itself(acme: Account) -> None:
    checked = check(acme, many(8))
    people_imports.import_due()
    checked.refresh_from_db()
    assert (checked.status, counts(checked), checked.actor) == ("checked", {"created": 8}, "admin:ada")
    assert not Person.objects.exists()
    assert not Event.objects.exists()


def test_the_first_refusals_are_kept_and_all_are_counted(
    acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_imports, "MOST_REFUSALS_KEPT", 4)
    checked = check(acme, written(*["Ada,,,"] * 7))
    assert checked.refused == 7
    assert [refusal["row"] for refusal in checked.refusals] == [2, 3, 4, 5]


def test_starting_again_changes_nothing(acme: Account) -> None:
    running = started(acme, many(1))
    again = people_imports.start(running, actor="admin:eve")
    assert (again.actor, again.due_at) == ("admin:bob", running.due_at)


def test_what_is_over_is_not_begun(acme: Account) -> None:
    done = imported(acme, many(1))
    cancelled = people_imports.cancel(check(acme, many(1)), actor="admin:bob")
    for over in (done, cancelled):
        with pytest.raises(Conflict):
            people_imports.start(over, actor="admin:bob")


def test_an_account_has_one_import_at_a_time(acme: Account, globex: Account) -> None:
    started(acme, many(1))
    second = check(acme, many(2))
    with pytest.raises(Conflict):
        people_imports.start(second, actor="admin:bob")
    started(globex, many(1))
    people_imports.import_due()
    people_imports.start(second, actor="admin:bob")


@pytest.mark.parametrize("number", [1, 2, 4, 8])
def test_a_worker_that_dies_is_followed_where_it_was(
    acme: Account, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    running = started(acme, many(8))
    fail_at(monkeypatch, number, die)
    with pytest.raises(Killed):
        people_imports.import_due()
    running.refresh_from_db()
    whole_batches = (number - 1) // 3 * 3
    assert running.rows_done == running.created == acme.people.count() == whole_batches
    people_imports.import_due()
    assert acme.people.count() == whole_batches
    lease_ends()
    people_imports.import_due()
    running.refresh_from_db()
    assert (running.status, counts(running)) == ("done", {"created": 8})
    assert Event.objects.filter(type="person.created").count() == acme.people.count() == 8
    assert Event.objects.filter(type="people.imported").count() == 1


def test_a_worker_that_was_overtaken_stops(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    running = started(acme, many(8))

    def overtaken(text: str) -> list[Row]:
        monkeypatch.setattr(people_imports, "read_rows", read_rows)
        lease_ends()
        a_batch(monkeypatch)
        # The other one is at it still.
        PeopleImport.objects.update(due_at=timezone.now() + timedelta(minutes=1))
        return read_rows(text)

    monkeypatch.setattr(people_imports, "read_rows", overtaken)
    people_imports.import_due()
    running.refresh_from_db()
    assert running.rows_done == acme.people.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_run_ends_after_its_time_and_rings_for_the_next(
    acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = started(acme, many(8))
    rung: list[str] = []
    monkeypatch.setattr(doorbell, "_ring_now", rung.append)
    for done in (3, 6):
        rung.clear()
        a_batch(monkeypatch)
        running.refresh_from_db()
        assert (running.rows_done, running.created) == (done, done)
        assert people_imports.IMPORTER in rung
    rung.clear()
    a_batch(monkeypatch)
    running.refresh_from_db()
    assert (running.status, running.rows_done) == ("done", 8)
    assert people_imports.IMPORTER not in rung


def test_cancelling_in_between_keeps_whom_it_took_in(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    running = started(acme, many(8))
    a_batch(monkeypatch)
    people_imports.cancel(running, actor="admin:eve")
    people_imports.import_due()
    running.refresh_from_db()
    assert (running.status, running.rows_done, running.content) == ("cancelled", 3, "")
    assert acme.people.count() == 3
    event = Event.objects.get(type="people.imported")
    assert (event.actor, event.data["rows"], event.data["rows_done"]) == ("admin:eve", 8, 3)


def test_cancelling_is_done_once_and_never_after_the_end(acme: Account) -> None:
    checked = people_imports.cancel(check(acme, many(1)), actor="admin:bob")
    again = people_imports.cancel(checked, actor="admin:bob")
    assert again.finished_at == checked.finished_at
    assert not Event.objects.exists()
    with pytest.raises(Conflict):
        people_imports.cancel(imported(acme, many(1)), actor="admin:bob")


def test_a_check_that_nobody_started_is_forgotten_after_a_week(acme: Account) -> None:
    old, _, running = check(acme, many(1)), check(acme, many(1)), started(acme, many(1))
    week = PeopleImport.objects.filter(pk__in=[old.pk, running.pk])
    week.update(created_at=timezone.now() - timedelta(days=7))
    tasks.tidy_up.run()
    found = PeopleImport.objects.order_by("pk").values_list("status", flat=True)
    assert list(found) == ["cancelled", "checked", "running"]
    contents = PeopleImport.objects.order_by("pk").values_list("content", flat=True)
    assert [bool(content) for content in contents] == [False, True, True]


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_take_everybody_in_once(acme: Account) -> None:
    running = started(acme, many(20))
    for _ in range(3):
        results = at_once([tasks.import_people.run] * 4)
        assert results == [None] * 4
    running.refresh_from_db()
    assert (running.status, running.rows_done, counts(running)) == ("done", 20, {"created": 20})
    assert Event.objects.filter(type="person.created").count() == acme.people.count() == 20
    assert Event.objects.filter(type="people.imported").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_imports_begun_at_once_one_has_to_wait(acme: Account) -> None:
    checked = [check(acme, many(2)) for _ in range(4)]
    results = at_once([partial(people_imports.start, one, actor="admin:bob") for one in checked])
    assert sorted(type(result).__name__ for result in results) == [*["Conflict"] * 3, "PeopleImport"]


@pytest.mark.django_db(transaction=True)
def test_a_cancelling_beside_the_work_leaves_whole_batches(acme: Account) -> None:
    running = started(acme, many(30))
    results = at_once([people_imports.import_due, partial(people_imports.cancel, running, actor="admin:eve")])
    assert all(result is None or isinstance(result, PeopleImport | Conflict) for result in results), results
    running.refresh_from_db()
    assert running.rows_done == running.created == acme.people.count()
    assert Event.objects.filter(type="people.imported").count() == 1


LINES = st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=30), max_size=4)


@given(st.one_of(st.binary(max_size=200), LINES.map(lambda lines: written(*lines))))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_checked_or_refused(acme: Account, content: bytes) -> None:
    try:
        checked = check(acme, content)
    except Invalid:
        assert not PeopleImport.objects.filter(status="checked").exists()
    else:
        assert sum(counts(checked).values()) == checked.rows > 0
        people_imports.start(checked, actor="admin:bob")
        checked.refresh_from_db()
        people_imports.cancel(checked, actor="admin:bob")
    assert not Person.objects.exists()
    assert not PeopleImport.objects.filter(status="running").exists()
    assert connection.in_atomic_block

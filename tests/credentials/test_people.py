"""People: what is recorded of a change, what is refused by its column, and what remains of the deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from credentials import issuing, lifecycle, people
from credentials.errors import Invalid, NotFound
from credentials.models import Account, Credential, Event, Person
from credentials.states import LIVE
from tests import factories
from tests.credentials.simultaneous import at_once

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)

ADA = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org", "system_id": "m-1"}


def create(account: Account, **columns: Any) -> Person:
    return people.create_person(account, actor="api_key:1", **{**ADA, **columns})


def trail(account: Account) -> list[tuple[str, dict[str, Any]]]:
    return list(account.events.order_by("id").values_list("type", "data"))


def test_a_new_person_is_recorded_without_what_they_are_called(acme: Account) -> None:
    person = create(acme)
    event = Event.objects.get()
    assert (event.type, event.person, event.account, event.actor) == (
        "person.created",
        person,
        acme,
        "api_key:1",
    )
    assert event.data == {}


def test_a_change_is_recorded_by_the_names_of_its_columns(acme: Account) -> None:
    person = create(acme)
    changed = people.update_person(person, last_name="King", email="king@example.org", actor="admin:root")
    assert (changed.last_name, changed.email) == ("King", "king@example.org")
    event = Event.objects.latest("id")
    assert (event.type, event.actor) == ("person.updated", "admin:root")
    assert event.data == {"changed": ["email", "last_name"]}


def test_no_change_is_no_event_and_no_new_time(acme: Account) -> None:
    person = create(acme)
    same = people.update_person(person, actor="test", **ADA, enabled=True)
    assert same.updated_at == person.updated_at
    assert Event.objects.count() == 1


def test_a_name_from_before_the_rule_keeps_nobody_from_disabling(acme: Account) -> None:
    person = factories.person(acme, first_name="A\u202eda")
    assert people.update_person(person, first_name="A\u202eda", enabled=False, actor="test").enabled is False
    with pytest.raises(Invalid, match="U\\+202D"):
        people.update_person(person, first_name="A\u202dda", actor="test")


def test_disabling_and_enabling_are_events_of_their_own(acme: Account) -> None:
    person = create(acme)
    people.update_person(person, enabled=False, actor="test")
    people.update_person(person, enabled=False, actor="test")
    people.update_person(person, enabled=True, actor="test")
    assert trail(acme)[1:] == [("person.disabled", {}), ("person.enabled", {})]


def test_a_change_and_a_disabling_at_once_are_two_events(acme: Account) -> None:
    person = create(acme)
    people.update_person(person, enabled=False, first_name="Augusta", actor="test")
    assert trail(acme)[1:] == [("person.disabled", {}), ("person.updated", {"changed": ["first_name"]})]


def test_an_older_copy_does_not_undo_what_came_since(acme: Account) -> None:
    stale = create(acme)
    people.update_person(Person.objects.get(pk=stale.pk), first_name="Augusta", actor="test")
    people.update_person(stale, last_name="King", actor="test")
    stale.refresh_from_db()
    assert (stale.first_name, stale.last_name) == ("Augusta", "King")


@pytest.mark.parametrize("email", ["ada@example.org", "ADA@EXAMPLE.ORG", "Ada@Example.org"])
def test_an_address_is_taken_in_any_case(acme: Account, email: str) -> None:
    create(acme)
    with pytest.raises(Invalid) as refused:
        create(acme, email=email, system_id="m-2")
    assert refused.value.field == "email"
    assert Person.objects.count() == Event.objects.count() == 1


def test_a_system_id_is_taken_once(acme: Account) -> None:
    create(acme)
    with pytest.raises(Invalid) as refused:
        create(acme, email="other@example.org")
    assert refused.value.field == "system_id"


def test_a_change_to_what_is_taken_is_refused_whole(acme: Account) -> None:
    create(acme)
    other = create(acme, email="other@example.org", system_id="m-2")
    for column, value in (("email", "ADA@example.org"), ("system_id", "m-1")):
        with pytest.raises(Invalid) as refused:
            people.update_person(other, first_name="Eve", actor="test", **{column: value})
        assert refused.value.field == column
    other.refresh_from_db()
    assert other.first_name == "Ada"
    assert Event.objects.count() == 2


def test_a_person_may_keep_what_is_theirs_in_another_case(acme: Account) -> None:
    person = create(acme)
    assert people.update_person(person, email="ADA@example.org", actor="test").email == "ADA@example.org"


def test_accounts_do_not_share_addresses(acme: Account, globex: Account) -> None:
    create(acme)
    assert create(globex).pk


def test_many_may_have_neither_address_nor_system_id(acme: Account) -> None:
    for _ in range(3):
        create(acme, email="", system_id="")
    assert acme.people.count() == 3


def test_an_error_that_is_no_duplicate_is_not_called_one(acme: Account) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        create(acme, email="", system_id="", first_name=None)


@pytest.mark.parametrize("length", [timedelta(0), timedelta(seconds=-1)])
def test_a_time_that_ends_before_it_begins_is_refused(acme: Account, length: timedelta) -> None:
    with pytest.raises(Invalid) as refused:
        create(acme, valid_from=NOON, valid_to=NOON + length)
    assert refused.value.field == "valid_to"
    person = create(acme, valid_from=NOON)
    with pytest.raises(Invalid):
        people.update_person(person, valid_to=NOON + length, actor="test")


def test_the_database_refuses_it_as_well(acme: Account) -> None:
    person = create(acme)
    with pytest.raises(IntegrityError):
        Person.objects.filter(pk=person.pk).update(valid_from=NOON, valid_to=NOON)


@pytest.mark.parametrize(
    ("columns", "may"),
    [
        ({}, True),
        ({"enabled": False}, False),
        ({"valid_from": NOON}, True),
        ({"valid_from": NOON + timedelta(seconds=1)}, False),
        ({"valid_to": NOON}, False),
        ({"valid_to": NOON + timedelta(seconds=1)}, True),
        ({"valid_from": NOON, "valid_to": NOON + timedelta(seconds=1), "enabled": False}, False),
    ],
)
def test_a_person_uses_passes_from_their_first_instant_until_before_their_last(
    *, columns: dict[str, Any], may: bool
) -> None:
    assert Person(**columns).may_use_passes(NOON) is may


def test_a_person_is_called_by_name_or_else_by_number() -> None:
    assert str(Person(first_name="Ada", last_name="Lovelace")) == "Ada Lovelace"
    assert str(Person(last_name="Lovelace")) == "Lovelace"
    assert str(Person(pk=7)) == "person 7"


def test_deleting_revokes_and_erases_and_keeps_the_trail(acme: Account) -> None:
    person = create(acme, valid_from=NOON)
    live, ended = (factories.credential(acme, holder=person) for _ in range(2))
    lifecycle.revoke(ended, actor="test")
    people.delete_person(person, actor="api_key:1")
    person.refresh_from_db()
    live.refresh_from_db()
    assert (person.first_name, person.last_name, person.email) == ("", "", "")
    assert (person.enabled, person.valid_from, person.valid_to) == (False, None, None)
    assert person.system_id == "m-1"
    assert person.deleted_at is not None
    assert live.state == "revoked"
    assert [kind for kind, _ in trail(acme)] == [
        "person.created",
        "credential.created",
        "credential.created",
        "credential.revoked",
        "credential.revoked",
        "person.deleted",
    ]
    assert Event.objects.latest("id").person == person
    revoked = live.events.latest("id")
    assert (revoked.actor, revoked.data["system_id"]) == ("api_key:1", "m-1")


def test_who_was_deleted_frees_their_names_and_takes_no_orders(acme: Account) -> None:
    person = create(acme)
    people.delete_person(person, actor="test")
    assert create(acme).pk != person.pk
    orders = (
        lambda: people.delete_person(person, actor="test"),
        lambda: people.update_person(person, first_name="Eve", actor="test"),
        lambda: issuing.issue(person, credential_type=factories.credential_type(acme), actor="test"),
    )
    for order in orders:
        with pytest.raises(NotFound):
            order()


@pytest.mark.django_db(transaction=True)
def test_whoever_issues_while_a_person_is_deleted_leaves_nothing_live(acme: Account) -> None:
    for _ in range(10):
        person = factories.person(acme)
        issue = partial(issuing.issue, person, actor="test")
        jobs = [partial(issue, credential_type=factories.credential_type(acme)) for _ in range(3)]
        results = at_once([*jobs, partial(people.delete_person, person, actor="test")])
        issued = [result for result in results if isinstance(result, tuple)]
        refused = [result for result in results if isinstance(result, Exception)]
        assert all(isinstance(error, NotFound) for error in refused), refused
        assert len(issued) + len(refused) == 3
        assert not Credential.objects.filter(person=person, state__in=LIVE).exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_take_the_same_address_at_once_are_told_apart(acme: Account) -> None:
    results = at_once([partial(create, acme, system_id=f"m-{number}") for number in range(6)])
    refused = [result for result in results if isinstance(result, Invalid)]
    assert len(refused) == 5
    assert {error.field for error in refused} == {"email"}
    assert Person.objects.get().pk

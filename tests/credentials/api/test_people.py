"""`/people`: creating, showing, changing and deleting."""

from __future__ import annotations

from typing import Any

import pytest

from credentials.event_types import EventType
from credentials.models import Account, Event, Person
from credentials.states import State
from tests import factories
from tests.callers import Caller

MEMBERS = {
    "id",
    "first_name",
    "last_name",
    "email",
    "system_id",
    "language",
    "enabled",
    "valid_from",
    "valid_to",
    "created_at",
    "updated_at",
    "groups",
    "roles",
}
NAMES = {"first_name": "Ada", "last_name": "Lovelace"}


def types(person: Person) -> list[str]:
    return list(
        Event.objects.filter(person=person, credential=None).order_by("pk").values_list("type", flat=True)
    )


def test_creating_answers_with_the_person(caller: Caller, acme: Account) -> None:
    sent = {
        **NAMES,
        "email": "ada@example.org",
        "system_id": "member-1815",
        "enabled": True,
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_to": "2030-01-01T00:00:00+02:00",
    }
    answer = caller.post("people", sent)
    assert answer.status_code == 201
    shown = answer.json()
    assert shown.keys() == MEMBERS
    assert shown["valid_from"] == "2026-01-01T00:00:00.000Z"
    assert shown["valid_to"] == "2029-12-31T22:00:00.000Z"
    assert {name: shown[name] for name in (*NAMES, "email", "system_id", "enabled")} == {
        name: sent[name] for name in (*NAMES, "email", "system_id", "enabled")
    }
    person = Person.objects.get()
    assert (person.pk, person.account) == (shown["id"], acme)
    assert Event.objects.get(type=EventType.PERSON_CREATED).actor.startswith("api_key:")


def test_the_names_are_enough(caller: Caller) -> None:
    shown = caller.post("people", NAMES).json()
    assert (shown["email"], shown["system_id"], shown["enabled"]) == (None, None, True)
    assert (shown["groups"], shown["roles"]) == ([], [])


def test_the_body_may_be_wrapped(caller: Caller) -> None:
    answer = caller.post("people", {"person": {**NAMES, "email": "ada@example.org"}})
    assert answer.status_code == 201
    assert answer.json()["email"] == "ada@example.org"


def test_unknown_and_read_only_members_are_ignored(caller: Caller, globex: Account) -> None:
    theirs = factories.person(globex)
    sent = {
        **NAMES,
        "id": theirs.pk,
        "account_id": globex.pk,
        "account": globex.pk,
        "created_at": "1999-01-01T00:00:00Z",
        "deleted_at": "1999-01-01T00:00:00Z",
        "group_ids": [1, 2],
        "firstName": "Eve",
        "custom_1": {"deep": [1]},
    }
    answer = caller.post("people", sent)
    assert answer.status_code == 201
    assert answer.json()["id"] != theirs.pk
    assert answer.json()["first_name"] == "Ada"
    assert not answer.json()["created_at"].startswith("1999")
    assert Person.objects.filter(account=globex).count() == 1


def test_absent_values_may_be_null_or_empty(caller: Caller) -> None:
    for nothing in (None, ""):
        shown = caller.post("people", {**NAMES, "email": nothing, "system_id": nothing}).json()
        assert (shown["email"], shown["system_id"]) == (None, None)
    assert Person.objects.count() == 2


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("first_name", ""),
        ("first_name", "   "),
        ("first_name", None),
        ("first_name", 7),
        ("first_name", ["Ada"]),
        ("first_name", "x" * 101),
        ("first_name", "a\x00b"),
        ("first_name", "\ud800"),
        ("first_name", "A\u202eda"),
        ("last_name", "Love\nlace"),
        ("last_name", {"text": "Lovelace"}),
        ("email", "ada"),
        ("email", "ada@"),
        ("email", "a" * 250 + "@example.org"),
        ("email", "a\x00@example.org"),
        ("email", "ada@\ud800.org"),
        ("email", 7),
        ("system_id", 7),
        ("system_id", "x" * 101),
        ("system_id", "a\x00b"),
        ("system_id", "\udfff"),
        ("enabled", "true"),
        ("enabled", 1),
        ("enabled", None),
        ("enabled", {}),
        ("valid_from", "yesterday"),
        ("valid_from", 1_700_000_000),
        ("valid_from", True),
        ("valid_to", "2026-13-01T00:00:00Z"),
        ("valid_to", "0001-01-01T00:00:00+23:59"),
        ("valid_to", "9999-12-31T23:59:59-23:59"),
        ("valid_to", []),
    ],
)
def test_a_value_that_cannot_be_accepted_is_named(caller: Caller, member: str, value: Any) -> None:
    person_id = caller.post("people", NAMES).json()["id"]
    for answer in (
        caller.post("people", {**NAMES, member: value}),
        caller.put(f"people/{person_id}", {member: value}),
        caller.patch(f"people/{person_id}", {"person": {member: value}}),
    ):
        assert answer.status_code == 422
        assert answer.json()["errors"].keys() == {member}
    assert Person.objects.count() == 1


@pytest.mark.parametrize("wrapped", [[], "Ada", 7, None])
def test_a_wrapper_must_be_an_object(caller: Caller, wrapped: Any) -> None:
    answer = caller.post("people", {**NAMES, "person": wrapped})
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {"person"}


def test_the_end_comes_after_the_start(caller: Caller) -> None:
    dates = {"valid_from": "2026-02-01T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z"}
    answer = caller.post("people", {**NAMES, **dates})
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {"valid_to"}


@pytest.mark.parametrize("member", ["email", "system_id"])
def test_what_another_person_has_is_taken(
    caller: Caller, acme: Account, globex: Account, member: str
) -> None:
    value = "Ada@example.org"
    factories.person(globex, **{member: value})
    first = caller.post("people", {**NAMES, member: value})
    assert first.status_code == 201
    again = caller.post("people", {**NAMES, member: value})
    assert again.status_code == 422
    assert again.json()["errors"].keys() == {member}


def test_showing_a_person(caller: Caller) -> None:
    created = caller.post("people", NAMES).json()
    answer = caller.get(f"people/{created['id']}")
    assert (answer.status_code, answer.json()) == (200, created)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_changing_changes_what_is_sent_and_nothing_else(caller: Caller, method: str) -> None:
    created = caller.post("people", {**NAMES, "email": "ada@example.org", "system_id": "1"}).json()
    answer = caller.call(method, f"people/{created['id']}", {"person": {"last_name": "King", "email": None}})
    assert answer.status_code == 200
    changed = {"last_name": "King", "email": None, "updated_at": answer.json()["updated_at"]}
    assert answer.json() == {**created, **changed}
    assert caller.get(f"people/{created['id']}").json() == answer.json()


def test_a_person_that_was_read_may_be_sent_back(caller: Caller) -> None:
    created = caller.post("people", {**NAMES, "email": "ada@example.org"}).json()
    answer = caller.put(f"people/{created['id']}", created)
    assert (answer.status_code, answer.json()) == (200, created)
    assert types(Person.objects.get()) == [EventType.PERSON_CREATED]


def test_disabling_and_enabling_are_told(caller: Caller) -> None:
    path = f"people/{caller.post('people', NAMES).json()['id']}"
    assert caller.patch(path, {"enabled": False}).json()["enabled"] is False
    assert caller.patch(path, {"enabled": False}).status_code == 200
    assert caller.patch(path, {"enabled": True}).json()["enabled"] is True
    assert types(Person.objects.get()) == [
        EventType.PERSON_CREATED,
        EventType.PERSON_DISABLED,
        EventType.PERSON_ENABLED,
    ]


def test_deleting_revokes_and_erases(caller: Caller, acme: Account) -> None:
    credential = factories.credential(acme)
    path = f"people/{credential.person_id}"
    answer = caller.delete(path)
    assert (answer.status_code, answer.json()) == (200, {"result": "ok"})
    credential.refresh_from_db()
    assert credential.state == State.REVOKED
    assert Person.objects.get().email == ""
    assert caller.get("people").json() == []
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert caller.call(method, path, {}).status_code == 404


def test_the_address_of_a_deleted_person_is_free_again(caller: Caller, acme: Account) -> None:
    person = factories.person(acme, email="ada@example.org")
    caller.delete(f"people/{person.pk}")
    assert caller.post("people", {**NAMES, "email": "ada@example.org"}).status_code == 201


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_another_account_finds_nothing(caller: Caller, stranger: Caller, acme: Account, method: str) -> None:
    person = factories.person(acme)
    answer = stranger.call(method, f"people/{person.pk}", {"first_name": "Eve"})
    unknown = stranger.call(method, "people/987654321", {"first_name": "Eve"})
    assert answer.status_code == unknown.status_code == 404
    assert {**answer.json(), "instance": ""} == {**unknown.json(), "instance": ""}
    person.refresh_from_db()
    assert (person.first_name, person.deleted_at) == ("Ada", None)


@pytest.mark.parametrize("person_id", ["0", str(2**63 - 1), str(2**63), "9" * 40, "-1", "1.0", "%00", "٣"])
def test_an_id_of_nobody_finds_nothing(caller: Caller, person_id: str) -> None:
    answer = caller.get(f"people/{person_id}")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


def test_a_person_has_a_language_or_none(caller: Caller, acme: Account) -> None:
    name = {"first_name": "Ada", "last_name": "Lovelace"}
    made = caller.post("people", {**name, "language": "de"}).json()
    assert made["language"] == "de"
    path = f"people/{made['id']}"
    assert caller.patch(path, {"first_name": "Eva"}).json()["language"] == "de"
    assert caller.patch(path, {"language": None}).json()["language"] is None
    assert caller.post("people", name).json()["language"] is None
    for unknown in ("tlh", 7, ["de"], True):
        refused = caller.patch(path, {"language": unknown})
        assert (refused.status_code, list(refused.json()["errors"])) == (422, ["language"])

"""`GET /events` and `GET /credentials/{id}/events`: the audit trail."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from credentials.event_types import EventType
from credentials.models import Account, Event
from credentials.people import delete_person
from tests import factories
from tests.callers import Caller

MEMBERS = {"id", "type", "created_at", "actor", "sequence", "person_id", "credential_id", "data"}


def types(answer: Any) -> list[str]:
    return [event["type"] for event in answer.json()["data"]]


def test_what_happened_is_told_oldest_first(caller: Caller, acme: Account, globex: Account) -> None:
    kind = factories.credential_type(acme)
    person = caller.post("people", {"first_name": "Ada", "last_name": "Lovelace"}).json()
    issued = caller.post(f"people/{person['id']}/credentials", {"credential_type_id": kind.pk}).json()
    factories.credential(globex)
    caller.delete(f"credentials/{issued['id']}")

    answer = caller.get("events")
    assert answer.status_code == 200
    assert answer.json()["next"] is None
    assert types(answer) == [
        EventType.PERSON_CREATED,
        EventType.CREDENTIAL_CREATED,
        EventType.CREDENTIAL_REVOKED,
    ]
    created, _, revoked = answer.json()["data"]
    assert created.keys() == revoked.keys() == MEMBERS
    assert (created["person_id"], created["credential_id"]) == (person["id"], None)
    assert (revoked["credential_id"], revoked["sequence"]) == (issued["id"], 2)
    assert revoked["data"]["credential"]["status"] == "revoked"
    assert revoked["actor"].startswith("api_key:")


def test_the_trail_of_one_credential(caller: Caller, acme: Account) -> None:
    credential = factories.credential(acme)
    factories.credential(acme)
    for order in ("suspend", "resume"):
        caller.post(f"credentials/{credential.public_id}/{order}")
    answer = caller.get(f"credentials/{credential.public_id}/events")
    assert types(answer) == [
        EventType.CREDENTIAL_CREATED,
        EventType.CREDENTIAL_SUSPENDED,
        EventType.CREDENTIAL_RESUMED,
    ]
    assert [event["sequence"] for event in answer.json()["data"]] == [1, 2, 3]


@pytest.mark.parametrize("per_page", [1, 2, 3, 100])
def test_the_cursor_leads_through_every_event_once(caller: Caller, acme: Account, per_page: int) -> None:
    for _ in range(6):
        factories.credential(acme)
    seen, after = [], ""
    while after is not None:
        page = caller.get(f"events?per_page={per_page}{after and f'&after={after}'}").json()
        seen += [event["id"] for event in page["data"]]
        after = page["next"]
    assert seen == list(Event.objects.order_by("pk").values_list("public_id", flat=True))


def test_any_event_is_a_cursor_that_finds_what_came_later(caller: Caller, acme: Account) -> None:
    factories.credential(acme)
    last = caller.get("events").json()["data"][-1]["id"]
    assert caller.get(f"events?after={last}").json() == {"data": [], "next": None}
    factories.credential(acme)
    assert types(caller.get(f"events?after={last}")) == [EventType.CREDENTIAL_CREATED]


def test_one_type_can_be_asked_for(caller: Caller, acme: Account) -> None:
    credential = factories.credential(acme)
    caller.delete(f"credentials/{credential.public_id}")
    assert types(caller.get("events?type=credential.revoked")) == [EventType.CREDENTIAL_REVOKED]
    assert types(caller.get("events?type=credential.expired")) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=nothing", "after"),
        ("after=", "after"),
        ("after=%00", "after"),
        ("after=" + "a" * 100, "after"),
        ("type=credential", "type"),
        ("type=", "type"),
        ("per_page=0", "per_page"),
        ("per_page=101", "per_page"),
    ],
)
def test_a_bad_value_is_named(caller: Caller, acme: Account, query: str, field: str) -> None:
    credential = factories.credential(acme)
    for path in ("events", f"credentials/{credential.public_id}/events"):
        answer = caller.get(f"{path}?{query}")
        assert answer.status_code == 422
        assert answer.json()["errors"].keys() == {field}


def test_another_account_s_event_is_no_cursor(caller: Caller, acme: Account, globex: Account) -> None:
    factories.credential(globex)
    theirs = Event.objects.get().public_id
    assert caller.get(f"events?after={theirs}").json()["errors"].keys() == {"after"}


def test_another_account_sees_nothing(stranger: Caller, acme: Account) -> None:
    credential = factories.credential(acme)
    assert stranger.get("events").json() == {"data": [], "next": None}
    assert stranger.get(f"credentials/{credential.public_id}/events").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nobody_writes_history(caller: Caller, acme: Account, method: str) -> None:
    credential = factories.credential(acme)
    for path in ("events", f"credentials/{credential.public_id}/events"):
        assert caller.call(method, path, {}).status_code == 405


@pytest.mark.parametrize("count", [1, 20])
def test_reading_takes_a_few_queries(
    caller: Caller, acme: Account, django_assert_num_queries: Any, count: int
) -> None:
    for _ in range(count):
        factories.credential(acme)
    caller.get("events")
    # The key, how far the trail is settled (SQLite's always is), and the events with their credentials.
    with django_assert_num_queries(2 if connection.vendor == "sqlite" else 3):
        assert len(caller.get("events").json()["data"]) == count


@pytest.mark.django_db(transaction=True)
def test_whoever_follows_the_trail_misses_nothing_that_is_committed_late(acme: Account) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time: nothing is committed late")
    late, early, caller = factories.person(acme), factories.person(acme), Caller.of(acme)
    with ThreadPoolExecutor(1) as elsewhere, transaction.atomic():
        delete_person(late, actor="test")
        # Gets the higher number, and is committed first.
        elsewhere.submit(separately, lambda: delete_person(early, actor="test")).result()
        seen = elsewhere.submit(separately, lambda: caller.get("events").json()["data"]).result()
    cursor = f"?after={seen[-1]['id']}" if seen else ""
    seen += caller.get(f"events{cursor}").json()["data"]
    assert [event["person_id"] for event in seen] == [late.pk, early.pk]


def separately(work: Callable[[], Any]) -> Any:
    """Does the work of another thread over a connection of its own."""
    try:
        return work()
    finally:
        connection.close()


def test_who_follows_from_now_on_begins_at_the_newest(caller: Caller, acme: Account, globex: Account) -> None:
    assert caller.get("events?after=latest").json() == {"data": [], "next": None}
    credential = factories.credential(acme)
    caller.post(f"credentials/{credential.public_id}/suspend")
    factories.credential(globex)
    newest = caller.get("events?after=latest")
    assert types(newest) == [EventType.CREDENTIAL_SUSPENDED]
    assert newest.json()["next"] is None
    assert types(caller.get("events?after=latest&type=credential.created")) == ["credential.created"]
    caller.post(f"credentials/{credential.public_id}/resume")
    following = caller.get(f"events?after={newest.json()['data'][0]['id']}")
    assert types(following) == [EventType.CREDENTIAL_RESUMED]

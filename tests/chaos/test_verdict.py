"""The verdict on a run sees every kind of loss, doubling and contradiction."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chaos.receivers import Message, Receiver
from tests.chaos.verdict import Records, broken_promises, broken_stories, losses, phantoms

PROMISED = {"c1": ["credential.created", "credential.suspended"]}


def credential(**members: Any) -> dict[str, Any]:
    return {"id": "c1", "status": "invited", "suspended_at": None, **members}


SUSPENDED = credential(suspended_at="2026-01-01T00:00:02Z")


def message(event_type: str, sequence: int, shown: dict[str, Any]) -> Message:
    body = {"type": event_type, "data": {"credential": shown, "sequence": sequence}}
    return Message(json.dumps(body).encode(), arrivals=1, accepted_at=time.time())


@pytest.fixture
def records() -> Records:
    """One credential that was issued and suspended."""
    events = {
        f"msg_{number}": {"type": event_type, "credential_id": "c1"}
        for number, event_type in enumerate(PROMISED["c1"], start=1)
    }
    return Records(events=events, credentials={"c1": {**SUSPENDED, "value": None}})


@pytest.fixture
def receiver() -> Receiver:
    """A receiver who has heard both."""
    created = message("credential.created", 1, credential())
    suspended = message("credential.suspended", 2, SUSPENDED)
    return Receiver("A", messages={"msg_1": created, "msg_2": suspended})


def wrong(records: Records, receiver: Receiver) -> Iterator[str]:
    """All that is found."""
    yield from losses(records, receiver)
    yield from phantoms(records, receiver)
    yield from broken_promises(records, PROMISED)
    yield from broken_stories(records, receiver)


def test_a_run_without_fault_is_acquitted(records: Records, receiver: Receiver) -> None:
    assert list(wrong(records, receiver)) == []


def test_a_message_that_never_came_is_lost(records: Records, receiver: Receiver) -> None:
    del receiver.messages["msg_2"]
    assert list(losses(records, receiver)) == [
        "msg_2, credential.suspended, has not arrived at receiver A",
    ]


def test_a_message_that_was_not_accepted_is_lost(records: Records, receiver: Receiver) -> None:
    receiver.messages["msg_1"].accepted_at = None
    assert len(list(losses(records, receiver))) == 1


def test_a_message_of_no_event_is_a_phantom(records: Records, receiver: Receiver) -> None:
    receiver.messages["msg_3"] = message("credential.revoked", 3, credential(status="revoked"))
    assert list(phantoms(records, receiver)) == ["msg_3 came to receiver A and nothing of it is recorded"]


def test_an_answer_without_its_event_breaks_a_promise(records: Records) -> None:
    assert len(list(broken_promises(records, {"c1": [*PROMISED["c1"], "credential.resumed"]}))) == 1
    assert len(list(broken_promises(records, {**PROMISED, "c2": ["credential.created"]}))) == 1


def test_an_event_that_was_made_twice_breaks_a_promise(records: Records) -> None:
    assert len(list(broken_promises(records, {"c1": ["credential.created"]}))) == 1
    assert len(list(broken_promises(records, {}))) == 1


def test_a_gap_in_the_sequence_is_seen(records: Records, receiver: Receiver) -> None:
    del receiver.messages["msg_1"]
    assert list(broken_stories(records, receiver)) == ["credential c1: receiver A has [2]"]


def test_a_credential_that_nothing_tells_of_is_seen(records: Records) -> None:
    assert list(broken_stories(records, Receiver("A"))) == ["credential c1: receiver A has []"]


def test_a_state_that_does_not_follow_is_seen(records: Records, receiver: Receiver) -> None:
    receiver.messages["msg_2"] = message("credential.suspended", 2, credential())
    [found] = broken_stories(records, receiver)
    assert found.endswith("reads that it is invited after credential.suspended")


def test_an_end_that_is_not_where_the_credential_stands_is_seen(records: Records, receiver: Receiver) -> None:
    later = credential(suspended_at="2026-01-01T00:00:09Z")
    receiver.messages["msg_2"] = message("credential.suspended", 2, later)
    [found] = broken_stories(records, receiver)
    assert "and it stands as" in found

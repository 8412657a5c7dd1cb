"""`Idempotency-Key`: one effect and one answer, whatever is repeated, at once or later, and whoever dies."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from credentials.api.idempotency import forget_old_requests
from credentials.models import Account, Credential, Event, IdempotentRequest, Person
from credentials.scopes import Scope
from tests import factories
from tests.callers import Caller

ADA = {"first_name": "Ada", "last_name": "Lovelace"}


def fail(events: Sequence[Event]) -> None:
    """A recorder of events that cannot do its work."""
    raise RuntimeError("no room")


def age(seconds: float) -> None:
    """Makes every claim so much older."""
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(seconds=seconds))


def leave_a_claim(caller: Caller) -> None:
    """The key as a killed worker leaves it: claimed, without an answer, the work undone."""
    with transaction.atomic():
        caller.post("people", ADA, Idempotency_Key="once")
        claim = IdempotentRequest.objects.get()
        transaction.set_rollback(True)
    claim.response_status = claim.response_body = None
    claim.save(force_insert=True)


def test_a_repeated_request_has_one_effect_and_one_answer(caller: Caller) -> None:
    first, second = (caller.post("people", ADA, Idempotency_Key="once") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert second["Content-Type"] == first["Content-Type"] == "application/json"
    assert Person.objects.count() == Event.objects.count() == 1


def test_without_a_key_everything_happens_again(caller: Caller) -> None:
    for _ in range(2):
        assert caller.post("people", ADA).status_code == 201
    assert Person.objects.count() == 2
    assert not IdempotentRequest.objects.exists()


def test_a_replayed_answer_repeats_no_url(caller: Caller, acme: Account) -> None:
    person, kind = factories.person(acme), factories.credential_type(acme)
    body = {"person_id": person.pk, "credential_type_id": kind.pk}
    first, second = (caller.post("credentials", body, Idempotency_Key="once").json() for _ in range(2))
    assert second == {**first, "url": None}
    again = [
        caller.post(f"credentials/{first['id']}/url", Idempotency_Key="another").json() for _ in range(2)
    ]
    assert again[1] == {**again[0], "url": None}
    kept = str(list(IdempotentRequest.objects.values()))
    for url in (first["url"], again[0]["url"]):
        assert factories.url_token(url) not in kept


def test_the_same_key_for_another_request_is_refused(caller: Caller, acme: Account) -> None:
    credential = factories.credential(acme)
    assert caller.post("people", ADA, Idempotency_Key="once").status_code == 201
    for path, body in (
        ("people", {**ADA, "last_name": "King"}),
        ("people?page=1", ADA),
        (f"credentials/{credential.public_id}/suspend", ADA),
    ):
        answer = caller.post(path, body, Idempotency_Key="once")
        assert answer.status_code == 422
        assert answer.json()["errors"] == {"Idempotency-Key": ["This key was used for another request."]}
    assert Person.objects.filter(first_name="Ada", account=acme).exclude(credentials=credential).count() == 1
    credential.refresh_from_db()
    assert credential.suspended_at is None


def test_a_key_belongs_to_its_account(caller: Caller, stranger: Caller) -> None:
    first, second = (who.post("people", ADA, Idempotency_Key="once") for who in (caller, stranger))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


def test_another_key_is_another_request(caller: Caller) -> None:
    ids = {caller.post("people", ADA, Idempotency_Key=key).json()["id"] for key in ("a", "A", '"a"')}
    assert len(ids) == 3


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "a\x7f", "x" * 256])
def test_a_malformed_key_is_named(caller: Caller, key: str) -> None:
    answer = caller.post("people", ADA, Idempotency_Key=key)
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {"Idempotency-Key"}
    assert not Person.objects.exists()


def test_the_longest_key_is_good(caller: Caller) -> None:
    assert caller.post("people", ADA, Idempotency_Key="~" * 255).status_code == 201


@pytest.mark.parametrize("body", [{"first_name": "Ada"}, [], None])
def test_a_refusal_is_an_answer_as_well(caller: Caller, body: Any) -> None:
    first, second = (caller.post("people", body, Idempotency_Key="once") for _ in range(2))
    assert first.status_code == second.status_code >= 400
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert second["Content-Type"] == "application/problem+json"


def test_a_missing_scope_is_not_remembered(acme: Account) -> None:
    narrow, wide = Caller.of(acme, scopes=[Scope.WEBHOOK]), Caller.of(acme)
    assert narrow.post("people", ADA, Idempotency_Key="once").status_code == 403
    assert wide.post("people", ADA, Idempotency_Key="once").status_code == 201
    assert narrow.post("people", ADA, Idempotency_Key="once").status_code == 403


def test_a_failure_of_ours_is_not_remembered(
    caller: Caller, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    quiet = Caller(caller.key, client=Client(raise_request_exception=False))
    working, settings.EVENT_RECORDERS = settings.EVENT_RECORDERS, [f"{__name__}.fail"]
    with caplog.at_level(logging.CRITICAL):
        assert quiet.post("people", ADA, Idempotency_Key="once").status_code == 500
    assert not Person.objects.exists()
    settings.EVENT_RECORDERS = working
    answer = quiet.post("people", ADA, Idempotency_Key="once")
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer


def test_while_it_is_being_worked_on_a_repetition_is_a_conflict(caller: Caller) -> None:
    leave_a_claim(caller)
    answer = caller.post("people", ADA, Idempotency_Key="once")
    assert answer.status_code == 409
    assert answer.json()["error"] == "conflict"
    assert not Person.objects.exists()


def test_a_claim_that_its_worker_left_behind_is_taken_over(caller: Caller) -> None:
    leave_a_claim(caller)
    age(14)
    assert caller.post("people", ADA, Idempotency_Key="once").status_code == 409
    age(16)
    taken_over, replayed = (caller.post("people", ADA, Idempotency_Key="once") for _ in range(2))
    assert (taken_over.status_code, replayed.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in taken_over
    assert replayed["Idempotent-Replayed"] == "true"
    assert Person.objects.count() == 1


def test_requests_are_forgotten_after_a_day(caller: Caller) -> None:
    caller.post("people", ADA, Idempotency_Key="once")
    age(23 * 3600)
    assert forget_old_requests() == 0
    assert caller.post("people", ADA, Idempotency_Key="once")["Idempotent-Replayed"] == "true"
    age(25 * 3600)
    caller.post("people", ADA, Idempotency_Key="young")
    assert forget_old_requests() == 1
    assert IdempotentRequest.objects.get().key == "young"


def test_forgetting_is_done_in_bounded_steps(caller: Caller) -> None:
    for number in range(5):
        caller.post("people", ADA, Idempotency_Key=str(number))
    age(25 * 3600)
    assert [forget_old_requests(limit=2) for _ in range(4)] == [2, 2, 1, 0]


# --- Several at once --------------------------------------------------------------------------------


@pytest.fixture
def holder(transactional_db: None, acme: Account) -> Person:
    """Somebody to issue a credential to, visible to every thread."""
    return factories.person(acme)


def order(caller: Caller, holder: Person, kind_id: int) -> Callable[[], Any]:
    """Asks for a credential, always with the same key, over a connection of its own."""

    def ask() -> Any:
        try:
            own = Caller(caller.key, client=Client())
            body = {"credential_type_id": kind_id}
            return own.post(f"people/{holder.pk}/credentials", body, Idempotency_Key="once")
        finally:
            connection.close()

    return ask


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_many_at_once_have_one_effect(holder: Person, caller: Caller) -> None:
    kind = factories.credential_type(holder.account)
    start, ask = threading.Barrier(8), order(caller, holder, kind.pk)

    def ask_together() -> Any:
        start.wait()
        return ask()

    with ThreadPoolExecutor(8) as threads:
        answers = [future.result() for future in [threads.submit(ask_together) for _ in range(8)]]

    assert {answer.status_code for answer in answers} <= {201, 409}
    fresh = [a for a in answers if a.status_code == 201 and "Idempotent-Replayed" not in a]
    assert len(fresh) == 1
    # A conflict here is the key's, never the credential's: the order was given once.
    assert all("credential" not in answer.json() for answer in answers if answer.status_code == 409)
    assert Credential.objects.count() == 1
    assert ask().json() == {**fresh[0].json(), "url": None}


def test_a_slow_worker_that_was_overtaken_does_nothing(holder: Person, caller: Caller) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time: nobody overtakes")
    ask = order(caller, holder, factories.credential_type(holder.account).pk)
    with ThreadPoolExecutor(3) as threads:
        with transaction.atomic():
            # Both come as far as the person's row, and wait there.
            Person.objects.select_for_update().get(pk=holder.pk)
            slow = threads.submit(ask)
            wait_for(lambda: claims().exists())
            threads.submit(age_elsewhere).result()
            second = threads.submit(ask)
            wait_for(lambda: claims().filter(created_at__gt=timezone.now() - timedelta(seconds=8)).exists())
        answers = [slow.result(), second.result()]

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert (answers[0].status_code, "credential" in answers[0].json()) == (409, False)
    assert Credential.objects.count() == 1
    assert IdempotentRequest.objects.get().response_status == 201


def claims() -> Any:
    return IdempotentRequest.objects.filter(response_status=None)


def age_elsewhere() -> None:
    try:
        age(16)
    finally:
        connection.close()

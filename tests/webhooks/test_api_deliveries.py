"""Rotating secrets, test messages, and reading and retrying deliveries."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from credentials import lifecycle
from credentials.models import Account
from tests import factories
from tests.webhooks.callers import Caller
from tests.webhooks.receivers import Hook, hook_to
from webhooks import endpoints
from webhooks.claims import claim
from webhooks.dispatch import deliver_due
from webhooks.models import Delivery, DeliveryStatus


def _path(hook: Hook, call: str) -> str:
    return f"webhook_endpoints/{hook.endpoint.public_id}/{call}"


def test_after_a_rotation_both_secrets_verify(caller: Caller, hook: Hook) -> None:
    answer = caller.post(_path(hook, "rotate_secret"))
    assert answer.status_code == 200
    secret = answer.json()["secret"]
    assert secret.startswith("whsec_")
    assert secret != hook.secret
    endpoints.send_test(hook.endpoint, actor="test")
    deliver_due()
    [received] = hook.receiver.received
    assert received.verified_with(secret)
    assert received.verified_with(hook.secret)


def test_a_leaked_secret_ends_at_once_with_all_before_it(caller: Caller, hook: Hook) -> None:
    second = caller.post(_path(hook, "rotate_secret"), {"overlap_seconds": 3600}).json()["secret"]
    third = caller.post(_path(hook, "rotate_secret"), {"overlap_seconds": 0}).json()["secret"]
    endpoints.send_test(hook.endpoint, actor="test")
    deliver_due()
    [received] = hook.receiver.received
    verdicts = [received.verified_with(secret) for secret in (hook.secret, second, third)]
    assert verdicts == [False, False, True]


def test_ended_secrets_are_forgotten(caller: Caller, hook: Hook) -> None:
    for _ in range(3):
        caller.post(_path(hook, "rotate_secret"), {"overlap_seconds": 0})
    assert hook.endpoint.secrets.count() == 2
    assert hook.endpoint.secrets.live(timezone.now()).count() == 1


@pytest.mark.parametrize("overlap", [-1, 604_801, "soon", None, 1.5, True])
def test_an_overlap_out_of_bounds_is_refused(caller: Caller, hook: Hook, overlap: Any) -> None:
    answer = caller.post(_path(hook, "rotate_secret"), {"overlap_seconds": overlap})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["overlap_seconds"]
    assert hook.endpoint.secrets.count() == 1


def test_a_repeated_rotation_repeats_no_secret(caller: Caller, hook: Hook) -> None:
    first, second = (caller.post(_path(hook, "rotate_secret"), Idempotency_Key="once") for _ in range(2))
    assert first.json()["secret"] is not None
    assert second.json()["secret"] is None
    assert hook.endpoint.secrets.count() == 2


def test_a_test_message_goes_to_its_endpoint_alone(caller: Caller, hook: Hook, acme: Account) -> None:
    hook_to(hook.receiver, account=acme)
    subscribed = hook_to(hook.receiver, account=acme, event_types=["credential.revoked"])
    answer = caller.post(_path(subscribed, "test"))
    assert answer.status_code == 202
    assert (answer.json()["event_type"], answer.json()["status"]) == ("webhook.test", "pending")
    assert deliver_due() == {"succeeded": 1}

    [received] = hook.receiver.received
    assert received.verified_with(subscribed.secret)
    assert received.message_id == answer.json()["message_id"]
    assert received.message["type"] == "webhook.test"
    assert received.message["data"] == {
        "account_id": acme.pk,
        "credential": None,
        "person_id": None,
        "system_id": None,
        "sequence": None,
        "actor": received.message["data"]["actor"],
    }


def test_a_disabled_endpoint_is_not_tested(caller: Caller, hook: Hook) -> None:
    endpoints.disable_endpoint(hook.endpoint, actor="test")
    assert caller.post(_path(hook, "test")).status_code == 409
    assert not Delivery.objects.exists()


def test_deliveries_are_listed_newest_first_with_their_attempts(
    caller: Caller, hook: Hook, acme: Account
) -> None:
    hook.receiver.status, hook.receiver.body = 500, b"x" * 5000
    credential = factories.credential(acme)
    deliver_due()
    lifecycle.revoke(credential, actor="test")

    newer, older = caller.get(_path(hook, "deliveries")).json()
    assert (newer["event_type"], newer["status"], newer["attempts"]) == ("credential.revoked", "pending", [])
    assert newer["next_attempt_at"] is not None
    assert (older["event_type"], older["status"]) == ("credential.created", "pending")
    assert older["finished_at"] is None
    [attempt] = older["attempts"]
    assert (attempt["outcome"], attempt["response_status"]) == ("failed", 500)
    assert attempt["response"] == "x" * 2000
    assert attempt["duration_ms"] >= 0
    assert attempt["at"].endswith("Z")
    assert older["message_id"] == hook.receiver.received[0].message_id


def test_a_delivery_that_is_being_sent_has_no_next_attempt(caller: Caller, hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    claim(token="a", limit=1)
    [shown] = caller.get(_path(hook, "deliveries")).json()
    assert (shown["status"], shown["next_attempt_at"]) == ("pending", None)


def test_deliveries_are_listed_by_status_and_page(caller: Caller, hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    deliver_due()
    for _ in range(3):
        factories.credential(acme)
    assert len(caller.get(_path(hook, "deliveries?status=succeeded")).json()) == 1
    page = caller.get(_path(hook, "deliveries?per_page=3"))
    assert (len(page.json()), page["X-Total-Results"]) == (3, "4")
    refused = caller.get(_path(hook, "deliveries?status=lost"))
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["status"])


def test_a_list_costs_the_same_however_long(
    caller: Caller, hook: Hook, acme: Account, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        factories.credential(acme)
    deliver_due()
    with django_assert_max_num_queries(7):
        assert len(caller.get(_path(hook, "deliveries")).json()) == 5


def test_other_endpoints_deliveries_are_not_listed(caller: Caller, hook: Hook, acme: Account) -> None:
    other = hook_to(hook.receiver, account=acme, event_types=["credential.revoked"])
    factories.credential(acme)
    assert len(caller.get(_path(hook, "deliveries")).json()) == 1
    assert caller.get(_path(other, "deliveries")).json() == []


def _retry(caller: Caller, delivery: Delivery) -> Any:
    return caller.post(f"deliveries/{delivery.public_id}/retry")


@pytest.mark.parametrize("status", [204, 500], ids=["arrived", "failing"])
def test_a_retry_sends_the_same_message_again(caller: Caller, hook: Hook, acme: Account, status: int) -> None:
    hook.receiver.status = status
    factories.credential(acme)
    deliver_due()
    hook.receiver.status = 200
    answer = _retry(caller, Delivery.objects.get())
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert deliver_due() == {"succeeded": 1}
    first, second = hook.receiver.received
    assert (first.message_id, first.body) == (second.message_id, second.body)
    [shown] = caller.get(_path(hook, "deliveries")).json()
    assert len(shown["attempts"]) == 2


@pytest.mark.parametrize("status", [DeliveryStatus.FAILED, DeliveryStatus.CANCELLED])
def test_a_retry_begins_the_schedule_anew(
    caller: Caller, hook: Hook, acme: Account, status: DeliveryStatus
) -> None:
    factories.credential(acme)
    Delivery.objects.update(status=status, finished_at=timezone.now(), failures=10)
    hook.receiver.status = 500
    _retry(caller, Delivery.objects.get())
    deliver_due()
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.failures, delivery.finished_at) == (DeliveryStatus.PENDING, 1, None)


def test_a_retry_leaves_what_is_being_sent_alone(caller: Caller, hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    claim(token="a", limit=1)
    before = Delivery.objects.values().get()
    assert _retry(caller, Delivery.objects.get()).status_code == 202
    assert Delivery.objects.values().get() == before


def test_nothing_is_retried_to_a_disabled_endpoint(caller: Caller, hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    endpoints.disable_endpoint(hook.endpoint, actor="test")
    assert _retry(caller, Delivery.objects.get()).status_code == 409
    assert Delivery.objects.get().status == DeliveryStatus.CANCELLED

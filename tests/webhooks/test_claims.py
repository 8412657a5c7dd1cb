"""Leases: who may send what, for how long, and what somebody late may still change."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from credentials.models import Account
from tests import factories
from tests.webhooks.receivers import Hook, hook_to
from webhooks import endpoints
from webhooks.claims import Message, claim
from webhooks.dispatch import deliver_due
from webhooks.finishing import Sent, finish
from webhooks.leases import LEASE, PER_ENDPOINT
from webhooks.models import Delivery, DeliveryStatus
from webhooks.outcomes import Outcome
from webhooks.transport import Result


def _sent(message: Message, outcome: Outcome) -> Sent:
    return Sent(message=message, started_at=timezone.now(), result=Result(outcome=outcome, duration_ms=1))


def _end_leases() -> None:
    Delivery.objects.exclude(claim_token=None).update(claimed_until=timezone.now())


def test_what_is_leased_is_not_leased_again(hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    [message] = claim(token="a", limit=10)
    assert message.url == hook.receiver.url
    assert claim(token="b", limit=10) == []
    assert deliver_due() == {}


def test_what_a_dead_dispatcher_held_is_due_within_a_minute(hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    claim(token="dead", limit=10)
    assert Delivery.objects.get().next_attempt_at - timezone.now() <= LEASE < timedelta(minutes=1)
    _end_leases()
    assert deliver_due() == {Outcome.SUCCEEDED: 1}


def test_who_lost_the_lease_changes_nothing(hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    [message] = claim(token="slow", limit=1)
    _end_leases()
    claim(token="quick", limit=1)
    finish([_sent(message, Outcome.FAILED)], token="slow")
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.claim_token, delivery.failures) == ("pending", "quick", 0)
    finish([_sent(message, Outcome.SUCCEEDED)], token="quick")
    finish([_sent(message, Outcome.FAILED)], token="slow")
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.claim_token, delivery.failures) == ("succeeded", None, 0)
    assert delivery.attempts.count() == 3


def test_a_backlog_of_one_endpoint_leaves_room_for_the_others(hook: Hook, acme: Account) -> None:
    backlog = 3 * PER_ENDPOINT
    for _ in range(backlog):
        factories.credential(acme)
    other = hook_to(hook.receiver, account=acme).endpoint
    factories.credential(acme)
    claimed = [
        message.endpoint_id for message in claim(token="a", limit=100, prompt=[hook.endpoint.pk, other.pk])
    ]
    assert (claimed.count(hook.endpoint.pk), claimed.count(other.pk)) == (PER_ENDPOINT, 1)
    assert claim(token="b", limit=100) == []


def test_every_endpoint_has_its_turn(hook: Hook, acme: Account) -> None:
    for _ in range(3):
        hook_to(hook.receiver, account=acme)
    for _ in range(PER_ENDPOINT):
        factories.credential(acme)
    served = set()
    # Of four endpoints, chance leaves one out sixty times in a row once in ten million runs.
    for _ in range(60):
        served |= {message.endpoint_id for message in claim(token="a", limit=PER_ENDPOINT)}
        Delivery.objects.update(claim_token=None, next_attempt_at=timezone.now())
    assert len(served) == 4


def test_no_more_is_leased_than_was_asked_for(hook: Hook, acme: Account) -> None:
    for _ in range(5):
        factories.credential(acme)
    assert len(claim(token="a", limit=3, prompt=[hook.endpoint.pk])) == 3
    assert Delivery.objects.filter(claim_token="a").count() == 3


def test_the_longest_due_is_sent_first(hook: Hook, acme: Account) -> None:
    for _ in range(3):
        factories.credential(acme)
    oldest = Delivery.objects.order_by("id")[2]
    Delivery.objects.filter(pk=oldest.pk).update(next_attempt_at=timezone.now() - timedelta(hours=1))
    assert [message.delivery_id for message in claim(token="a", limit=1)] == [oldest.pk]


def test_what_fails_while_its_endpoint_is_disabled_is_not_tried_again(hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    [message] = claim(token="a", limit=1)
    endpoints.disable_endpoint(hook.endpoint, actor="test")
    assert Delivery.objects.get().status == DeliveryStatus.PENDING
    finish([_sent(message, Outcome.FAILED)], token="a")
    Delivery.objects.update(next_attempt_at=timezone.now())
    assert deliver_due() == {}
    assert Delivery.objects.get().status == DeliveryStatus.CANCELLED


def test_an_endpoint_that_is_deleted_meanwhile_need_not_be_disabled(hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    [message] = claim(token="a", limit=1)
    endpoints.delete_endpoint(hook.endpoint, actor="test")
    finish([_sent(message, Outcome.GONE)], token="a")
    Delivery.objects.update(next_attempt_at=timezone.now())
    assert deliver_due() == {}
    assert Delivery.objects.get().status == DeliveryStatus.CANCELLED
    assert not acme.events.filter(type="webhook_endpoint.disabled").exists()

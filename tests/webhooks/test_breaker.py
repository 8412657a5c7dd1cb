"""The circuit breaker at work: what a dispatcher sends to an endpoint that fails, waits and comes back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from credentials.models import Account
from tests import factories
from tests.webhooks.receivers import Hook
from webhooks import deliveries
from webhooks.dispatch import deliver_due
from webhooks.health import Noted, note
from webhooks.models import Delivery, DeliveryStatus, Endpoint, Notice
from webhooks.outcomes import Outcome

MINUTE = timedelta(minutes=1)


def make_due() -> None:
    """Whatever waits for its next attempt need wait no longer."""
    Delivery.objects.filter(status=DeliveryStatus.PENDING).update(next_attempt_at=timezone.now())


def fail_for_a_minute(hook: Hook, account: Account) -> None:
    """Ten messages fail, and then one of them a minute after the first; the endpoint is paused."""
    hook.receiver.status = 500
    for _ in range(10):
        factories.credential(account)
    while deliver_due():
        pass
    Endpoint.objects.update(failing_since=timezone.now() - MINUTE)
    first = Delivery.objects.order_by("id")[0]
    Delivery.objects.filter(pk=first.pk).update(next_attempt_at=timezone.now())
    assert deliver_due() == {Outcome.FAILED: 1}
    hook.endpoint.refresh_from_db()
    assert hook.endpoint.paused(timezone.now())


def test_a_paused_endpoint_is_sent_nothing_and_loses_no_attempts(hook: Hook, acme: Account) -> None:
    fail_for_a_minute(hook, acme)
    make_due()
    before = list(Delivery.objects.order_by("id").values_list("status", "failures"))
    sent = len(hook.receiver.received)
    assert deliver_due() == {}
    assert len(hook.receiver.received) == sent == 11
    assert list(Delivery.objects.order_by("id").values_list("status", "failures")) == before
    assert {status for status, _ in before} == {DeliveryStatus.PENDING}


def test_after_a_pause_one_message_tries_and_begins_the_next(hook: Hook, acme: Account) -> None:
    fail_for_a_minute(hook, acme)
    make_due()
    Endpoint.objects.update(paused_until=timezone.now())
    assert deliver_due() == {Outcome.FAILED: 1}
    hook.endpoint.refresh_from_db()
    assert hook.endpoint.paused(timezone.now())


def test_the_message_that_arrives_is_followed_by_all_others(hook: Hook, acme: Account) -> None:
    fail_for_a_minute(hook, acme)
    make_due()
    Endpoint.objects.update(paused_until=timezone.now())
    hook.receiver.status = 204
    assert deliver_due() == {Outcome.SUCCEEDED: 10}
    hook.endpoint.refresh_from_db()
    assert (hook.endpoint.failing_since, hook.endpoint.paused_until) == (None, None)
    assert acme.events.filter(type="webhook_endpoint.recovered").count() == 1


def test_a_delivery_that_is_sent_again_by_hand_ends_the_pause(hook: Hook, acme: Account) -> None:
    fail_for_a_minute(hook, acme)
    hook.receiver.status = 204
    deliveries.retry_delivery(Delivery.objects.order_by("id")[3], actor="test")
    assert deliver_due() == {Outcome.SUCCEEDED: 1}


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_dispatchers_at_once_pause_give_up_and_tell_once(hook: Hook, acme: Account) -> None:
    acme.contact_email = "ops@acme.example"
    acme.save()
    now = datetime.now(UTC)
    long_ago = now - timedelta(days=6)
    Endpoint.objects.update(updated_at=long_ago)
    first = [Noted(long_ago, Outcome.FAILED, 500, hook.endpoint.url)] * 4
    note({hook.endpoint.pk: first}, failing=[], now=now)

    def fail_once_more() -> None:
        try:
            failure = Noted(now, Outcome.FAILED, 503, hook.endpoint.url)
            note({hook.endpoint.pk: [failure]}, failing=[hook.endpoint.pk], now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        for future in [threads.submit(fail_once_more) for _ in range(8)]:
            future.result()
    events = acme.events.filter(actor="system").values_list("type", flat=True)
    assert sorted(events) == ["webhook_endpoint.disabled", "webhook_endpoint.failing"]
    assert sorted(Notice.objects.values_list("kind", flat=True)) == ["failing", "given_up"]

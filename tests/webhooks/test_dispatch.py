"""What becomes of a delivery: it arrives, it is tried again, or it ends."""

from __future__ import annotations

import gc
import resource
import time
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from credentials import lifecycle
from credentials.models import Account, Event
from tests import factories
from tests.webhooks.receivers import Hook, Receiver, hook_to, listening
from webhooks import dispatch, endpoints
from webhooks.dispatch import deliver_due
from webhooks.leases import PER_ENDPOINT, PER_UNKNOWN_ENDPOINT
from webhooks.management.commands import deliver_webhooks
from webhooks.models import Attempt, Delivery, DeliveryStatus, Endpoint
from webhooks.outcomes import Outcome
from webhooks.retries import DELAYS
from webhooks.tasks import deliver_due as deliver_due_task


def _due_again() -> None:
    Delivery.objects.filter(status=DeliveryStatus.PENDING).update(next_attempt_at=timezone.now())


def test_a_change_arrives_signed_and_whole(hook: Hook, acme: Account) -> None:
    credential = factories.credential(acme)
    assert deliver_due() == {Outcome.SUCCEEDED: 1}

    [received] = hook.receiver.received
    event = credential.events.get()
    assert received.verified_with(hook.secret)
    assert received.message_id == f"msg_{event.public_id}"
    assert received.message["type"] == "credential.created"
    assert received.message["data"]["credential"]["id"] == credential.public_id

    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.claim_token) == (DeliveryStatus.SUCCEEDED, None)
    assert delivery.finished_at is not None


def test_what_has_arrived_is_not_sent_again(hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    deliver_due()
    assert deliver_due() == {}
    assert len(hook.receiver.received) == 1


def test_every_attempt_is_logged_with_its_answer(hook: Hook, acme: Account) -> None:
    hook.receiver.status, hook.receiver.body = 500, b"no\x00 \xff room"
    factories.credential(acme)
    before = timezone.now()
    deliver_due()
    attempt = Attempt.objects.get()
    assert (attempt.outcome, attempt.response_status) == (Outcome.FAILED, 500)
    assert attempt.response_excerpt == "no\ufffd \ufffd room"
    assert before <= attempt.started_at <= timezone.now()
    assert attempt.duration_ms < 5000


def test_a_failure_is_tried_again_with_the_same_id_and_a_new_signature(hook: Hook, acme: Account) -> None:
    hook.receiver.status = 503
    factories.credential(acme)
    deliver_due()
    assert deliver_due() == {}
    time.sleep(1.1)
    hook.receiver.status = 200
    _due_again()
    assert deliver_due() == {Outcome.SUCCEEDED: 1}

    first, second = hook.receiver.received
    assert (first.message_id, first.body) == (second.message_id, second.body)
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    assert second.verified_with(hook.secret)


def test_failures_follow_the_schedule_to_its_end(hook: Hook, acme: Account) -> None:
    hook.receiver.status = 500
    factories.credential(acme)
    for delay in DELAYS:
        deliver_due()
        delivery = Delivery.objects.get()
        assert delivery.status == DeliveryStatus.PENDING
        assert delay * 0.75 < delivery.next_attempt_at - timezone.now() < delay * 1.25
        _due_again()
    deliver_due()
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.failures) == (DeliveryStatus.FAILED, len(DELAYS) + 1)
    assert delivery.finished_at is not None
    assert delivery.attempts.count() == len(hook.receiver.received) == 10
    assert deliver_due() == {}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("600", timedelta(minutes=10)), ("999999999", timedelta(days=1)), ("1", timedelta(seconds=5))],
)
def test_a_receiver_may_ask_to_wait_but_not_for_ever(
    hook: Hook, acme: Account, asked: str, expected: timedelta
) -> None:
    hook.receiver.status, hook.receiver.headers = 429, {"Retry-After": asked}
    factories.credential(acme)
    deliver_due()
    wait = Delivery.objects.get().next_attempt_at - timezone.now()
    assert expected * 0.75 < wait < expected * 1.25


def test_410_disables_the_endpoint_and_calls_off_the_rest(hook: Hook, acme: Account) -> None:
    hook.receiver.status = 500
    credential = factories.credential(acme)
    deliver_due()
    hook.receiver.status = 410
    lifecycle.revoke(credential, actor="test")
    assert deliver_due() == {Outcome.GONE: 1}

    hook.endpoint.refresh_from_db()
    assert (hook.endpoint.enabled, hook.endpoint.disabled_reason) == (False, "gone")
    assert {delivery.status for delivery in Delivery.objects.all()} == {DeliveryStatus.CANCELLED}
    event = acme.events.get(type="webhook_endpoint.disabled")
    assert (event.actor, event.data["reason"]) == ("system", "gone")


def test_a_message_carries_the_signature_of_every_live_secret(hook: Hook, acme: Account) -> None:
    _, newer = endpoints.rotate_secret(hook.endpoint, actor="test")
    factories.credential(acme)
    deliver_due()
    [received] = hook.receiver.received
    assert received.headers["webhook-signature"].count("v1,") == 2
    assert received.verified_with(str(newer))
    assert received.verified_with(hook.secret)


def test_a_former_secret_signs_no_longer_than_it_was_given(hook: Hook, acme: Account) -> None:
    _, newer = endpoints.rotate_secret(hook.endpoint, overlap=timedelta(), actor="test")
    factories.credential(acme)
    deliver_due()
    [received] = hook.receiver.received
    assert received.verified_with(str(newer))
    assert not received.verified_with(hook.secret)


def test_a_network_that_was_closed_again_is_not_reached(
    hook: Hook, acme: Account, settings: Settings
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    factories.credential(acme)
    assert deliver_due() == {Outcome.REFUSED_TARGET: 1}
    assert hook.receiver.received == []
    assert (Attempt.objects.get().response_status, Attempt.objects.get().response_excerpt) == (None, "")


def test_without_a_readable_secret_nothing_is_sent(
    hook: Hook, acme: Account, caplog: pytest.LogCaptureFixture
) -> None:
    hook.endpoint.secrets.update(ciphertext=b"of another key")
    factories.credential(acme)
    assert deliver_due() == {Outcome.UNSIGNED: 1}
    assert hook.receiver.received == []
    assert Delivery.objects.get().status == DeliveryStatus.PENDING
    assert "cannot be used" in caplog.text
    hook.endpoint.refresh_from_db()
    assert hook.endpoint.failing_since is not None


def test_a_fault_of_ours_is_logged_and_costs_an_attempt_and_no_trust(
    hook: Hook, acme: Account, caplog: pytest.LogCaptureFixture
) -> None:
    factories.credential(acme)
    Event.objects.update(data={"suspicion": {"rule": "guessing"}})
    assert deliver_due() == {Outcome.INTERNAL_ERROR: 1}
    assert Delivery.objects.get().failures == 1
    assert Endpoint.objects.get().failing_since is None
    assert "KeyError: 'uses'" in caplog.text


def test_a_secret_of_another_endpoint_is_not_used(hook: Hook, acme: Account, globex: Account) -> None:
    other = hook_to(hook.receiver, account=globex).endpoint.secrets.get()
    hook.endpoint.secrets.update(ciphertext=other.ciphertext)
    factories.credential(acme)
    assert deliver_due() == {Outcome.UNSIGNED: 1}


def test_what_was_owed_while_its_endpoint_was_being_disabled_is_called_off(hook: Hook, acme: Account) -> None:
    for _ in range(2 * PER_ENDPOINT):
        factories.credential(acme)
    Endpoint.objects.update(disabled_at=timezone.now(), disabled_reason="by_hand")
    assert deliver_due() == {}
    ends = Delivery.objects.values_list("status", "claim_token").distinct()
    assert list(ends.order_by()) == [(DeliveryStatus.CANCELLED, None)]
    assert hook.receiver.received == []


def test_a_slow_receiver_holds_up_nobody_else(hook: Hook, acme: Account) -> None:
    with listening() as slow:
        slow.slowness = 0.8
        hook_to(slow, account=acme)
        for _ in range(2 * PER_ENDPOINT):
            factories.credential(acme)
        began = time.monotonic()
        assert deliver_due() == {Outcome.SUCCEEDED: 4 * PER_ENDPOINT}
        assert time.monotonic() - began < 4
        assert slow.most_at_once <= PER_ENDPOINT
    finished = Delivery.objects.filter(endpoint=hook.endpoint).order_by("-finished_at")[0].finished_at
    first_slow = Delivery.objects.exclude(endpoint=hook.endpoint).order_by("finished_at")[0].finished_at
    assert finished is not None
    assert first_slow is not None
    assert finished < first_slow


def test_a_run_ends_though_there_is_more(hook: Hook, acme: Account) -> None:
    hook.receiver.slowness = 0.2
    for _ in range(3 * PER_ENDPOINT):
        factories.credential(acme)
    outcomes = deliver_due(seconds=0.1)
    assert outcomes == {Outcome.SUCCEEDED: PER_UNKNOWN_ENDPOINT}
    left = Delivery.objects.filter(status=DeliveryStatus.PENDING, claim_token=None)
    assert left.count() == 3 * PER_ENDPOINT - PER_UNKNOWN_ENDPOINT


def test_hundreds_arrive_once_each(acme: Account, receiver: Receiver) -> None:
    hooks = [hook_to(receiver, account=acme) for _ in range(15)]
    for _ in range(20):
        factories.credential(acme)
    assert deliver_due() == {Outcome.SUCCEEDED: 300}
    assert len(receiver.received) == 300
    assert all(hook.endpoint.deliveries.count() == 20 for hook in hooks)


def test_the_worker_delivers_when_it_is_rung(hook: Hook, acme: Account, settings: Settings) -> None:
    factories.credential(acme)
    deliver_due_task()
    assert len(hook.receiver.received) == 1
    assert deliver_due_task.name in settings.EVENT_CONSUMERS
    assert deliver_due_task.name in {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}


def test_the_command_delivers_once_and_tells(hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    told = [StringIO(), StringIO()]
    for stdout in told:
        call_command("deliver_webhooks", "--once", stdout=stdout)
    assert len(hook.receiver.received) == 1
    assert [stdout.getvalue() for stdout in told] == ["attempts: 1 (1 succeeded)\n", "attempts: 0\n"]


@pytest.mark.django_db
def test_a_process_that_delivers_is_settled_once_and_for_good() -> None:
    former, files = gc.get_threshold(), resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[1] - 1, files[1]))
    dispatch._settle_in.cache_clear()
    try:
        deliver_due()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (files[1], files[1])
        assert gc.get_threshold() == dispatch.SELDOM_COLLECTED
        # What another sets afterwards, the next run leaves alone.
        gc.set_threshold(*former)
        deliver_due()
        assert gc.get_threshold() == former
    finally:
        gc.set_threshold(*former)
        resource.setrlimit(resource.RLIMIT_NOFILE, files)


def test_the_timestamp_is_that_of_the_attempt(hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    Event.objects.update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    deliver_due()
    [received] = hook.receiver.received
    assert received.message["timestamp"] == "2020-01-01T00:00:00.000Z"
    assert abs(int(received.headers["webhook-timestamp"]) - time.time()) < 5


def test_the_command_goes_on_until_it_is_stopped(
    hook: Hook, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt
        factories.credential(acme)

    monkeypatch.setattr(deliver_webhooks, "pause", pause)
    stdout = StringIO()
    with pytest.raises(KeyboardInterrupt):
        call_command("deliver_webhooks", stdout=stdout)
    assert len(hook.receiver.received) == 1
    assert stdout.getvalue() == "attempts: 1 (1 succeeded)\n"

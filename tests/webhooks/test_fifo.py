"""Endpoints that take their messages in order: one at a time, and none before its time."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from credentials.models import Account
from tests import factories
from tests.webhooks.callers import Caller
from tests.webhooks.receivers import Hook, Receiver, hook_to
from webhooks import deliveries
from webhooks.claims import Message, claim
from webhooks.dispatch import deliver_due
from webhooks.finishing import Sent, finish
from webhooks.models import Delivery, DeliveryStatus, Endpoint
from webhooks.outcomes import Outcome
from webhooks.retries import DELAYS
from webhooks.transport import Result


@pytest.fixture
def in_order(acme: Account, receiver: Receiver) -> Hook:
    """An endpoint that takes its messages in order, and five messages for it."""
    hook = hook_to(receiver, account=acme)
    Endpoint.objects.update(fifo=True)
    for _ in range(5):
        factories.credential(acme)
    return hook


def _finish(message: Message, outcome: Outcome, *, token: str) -> None:
    finish([Sent(message, timezone.now(), Result(outcome=outcome, duration_ms=1))], token=token)


def _in_order() -> list[str]:
    rows = Delivery.objects.filter(is_test=False).order_by("event").select_related("event")
    return [f"msg_{delivery.event.public_id}" for delivery in rows]


def _received(hook: Hook) -> list[str]:
    return [received.message_id for received in hook.receiver.received]


def test_messages_arrive_one_by_one_in_the_order_of_their_events(in_order: Hook) -> None:
    in_order.receiver.slowness = 0.02
    # However they became due.
    for number, delivery in enumerate(Delivery.objects.order_by("event")):
        due = timezone.now() - timedelta(seconds=number)
        Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=due)
    assert deliver_due() == {Outcome.SUCCEEDED: 5}
    assert _received(in_order) == _in_order()
    assert in_order.receiver.most_at_once == 1


def test_only_one_is_on_its_way_whoever_asks(in_order: Hook) -> None:
    [message] = claim(token="a", limit=100, prompt=[in_order.endpoint.pk])
    assert claim(token="b", limit=100) == []
    _finish(message, Outcome.SUCCEEDED, token="a")
    assert len(claim(token="b", limit=100)) == 1


def test_one_that_failed_holds_up_the_later_ones(in_order: Hook) -> None:
    in_order.receiver.status = 500
    assert deliver_due() == {Outcome.FAILED: 1}
    in_order.receiver.status = 204
    assert deliver_due() == {}
    Delivery.objects.filter(failures=1).update(next_attempt_at=timezone.now())
    assert deliver_due() == {Outcome.SUCCEEDED: 5}
    first, *_ = _in_order()
    assert _received(in_order) == [first, *_in_order()]


def test_one_that_has_used_up_its_attempts_makes_way(in_order: Hook) -> None:
    first = Delivery.objects.order_by("event")[0]
    Delivery.objects.filter(pk=first.pk).update(failures=len(DELAYS))
    in_order.receiver.status = 500
    assert deliver_due() == {Outcome.FAILED: 2}
    assert _received(in_order) == _in_order()[:2]
    first.refresh_from_db()
    assert (first.status, first.alone) == (DeliveryStatus.FAILED, False)


def test_an_earlier_one_that_is_sent_again_waits_for_what_is_on_its_way(in_order: Hook) -> None:
    [first] = claim(token="a", limit=1)
    _finish(first, Outcome.SUCCEEDED, token="a")
    [second] = claim(token="a", limit=1)
    deliveries.retry_delivery(Delivery.objects.get(pk=first.delivery_id), actor="test")
    assert claim(token="b", limit=100) == []
    _finish(second, Outcome.SUCCEEDED, token="a")
    # And then it comes before all later ones.
    assert [message.delivery_id for message in claim(token="b", limit=100)] == [first.delivery_id]


def test_what_a_dead_dispatcher_held_is_sent_before_anything_else(in_order: Hook) -> None:
    [message] = claim(token="dead", limit=1)
    Delivery.objects.filter(pk=message.delivery_id).update(claimed_until=timezone.now())
    [again] = claim(token="b", limit=100)
    assert again.delivery_id == message.delivery_id
    # The dead one was only slow; it has nothing to say any more.
    _finish(message, Outcome.SUCCEEDED, token="dead")
    assert claim(token="c", limit=100) == []


@pytest.fixture
def put_off(in_order: Hook) -> Hook:
    """The first of the five is put off for a day, and now the receiver works again."""
    in_order.receiver.status, in_order.receiver.headers = 503, {"Retry-After": "86400"}
    assert deliver_due() == {Outcome.FAILED: 1}
    in_order.receiver.status = 204
    in_order.receiver.received.clear()
    assert deliver_due() == {}
    return in_order


def _path(hook: Hook) -> str:
    return f"webhook_endpoints/{hook.endpoint.public_id}"


def test_a_test_is_sent_at_once_and_all_others_in_their_order(put_off: Hook, caller: Caller) -> None:
    answer = caller.post(f"{_path(put_off)}/test")
    assert deliver_due() == {Outcome.SUCCEEDED: 6}
    received = _received(put_off)
    received.remove(answer.json()["message_id"])
    assert received == _in_order()


def test_enabling_sends_at_once(put_off: Hook, caller: Caller) -> None:
    caller.patch(_path(put_off), {"enabled": True})
    assert deliver_due() == {Outcome.SUCCEEDED: 5}
    assert _received(put_off) == _in_order()


def test_a_new_url_is_sent_to_at_once(put_off: Hook, caller: Caller) -> None:
    caller.patch(_path(put_off), {"url": put_off.receiver.url + "/new"})
    assert deliver_due() == {Outcome.SUCCEEDED: 5}
    assert _received(put_off) == _in_order()


def test_sending_a_later_one_again_sends_the_first_at_once(put_off: Hook, caller: Caller) -> None:
    last = Delivery.objects.order_by("event")[4]
    caller.post(f"deliveries/{last.public_id}/retry")
    assert deliver_due() == {Outcome.SUCCEEDED: 5}
    assert _received(put_off) == _in_order()


def test_asking_often_uses_up_no_attempts(put_off: Hook, caller: Caller) -> None:
    put_off.receiver.status, put_off.receiver.headers = 500, {}
    for _ in range(len(DELAYS) + 1):
        caller.patch(_path(put_off), {"enabled": True})
        deliver_due()
    first = Delivery.objects.order_by("event")[0]
    assert (first.status, first.failures) == (DeliveryStatus.PENDING, 1)


def test_a_test_waits_for_nothing_and_holds_up_nothing(in_order: Hook, caller: Caller) -> None:
    [first] = claim(token="a", limit=100)
    caller.post(f"{_path(in_order)}/test")
    caller.post(f"{_path(in_order)}/test")
    [test] = claim(token="b", limit=100)
    assert Delivery.objects.get(pk=test.delivery_id).is_test
    _finish(test, Outcome.FAILED, token="b")
    _finish(first, Outcome.SUCCEEDED, token="a")
    second, other_test = sorted(claim(token="c", limit=100), key=lambda message: message.delivery_id)
    assert second.message_id == _in_order()[1]
    assert Delivery.objects.get(pk=other_test.delivery_id).is_test


def test_the_database_itself_allows_one_alone(in_order: Hook) -> None:
    claim(token="a", limit=1)
    waiting = Delivery.objects.filter(claim_token=None).order_by("event")[0]
    with pytest.raises(IntegrityError, match=r"delivery_alone_on_its_way|endpoint_id"), transaction.atomic():
        Delivery.objects.filter(pk=waiting.pk).update(claim_token="b", alone=True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: nobody overtakes")
def test_two_that_claim_different_messages_at_once_are_parted(in_order: Hook) -> None:
    first, second = Delivery.objects.order_by("event")[:2]
    claimed: list[list[Message]] = []

    def claim_the_first() -> None:
        try:
            claimed.append(claim(token="b", limit=1))
        finally:
            connection.close()

    Delivery.objects.filter(pk=first.pk).update(status=DeliveryStatus.SUCCEEDED, finished_at=timezone.now())
    other = threading.Thread(target=claim_the_first)
    with transaction.atomic():
        # Nobody sees yet that the second is on its way, and the first becomes due again.
        Delivery.objects.filter(pk=second.pk).update(
            claim_token="a", claimed_until=timezone.now() + timedelta(minutes=1), alone=True
        )
        _reopen_elsewhere(first)
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join()
    assert claimed == [[]]
    assert Delivery.objects.get(alone=True).pk == second.pk


def _reopen_elsewhere(delivery: Delivery) -> None:
    def reopen() -> None:
        try:
            Delivery.objects.filter(pk=delivery.pk).update(status=DeliveryStatus.PENDING, finished_at=None)
        finally:
            connection.close()

    thread = threading.Thread(target=reopen)
    thread.start()
    thread.join()

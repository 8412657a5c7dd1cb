"""What a replay sends again, what it leaves alone, and how it goes on after an interruption."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from credentials import lifecycle
from credentials.models import Account, Event
from tests import factories
from tests.webhooks.pacing import pace
from tests.webhooks.receivers import Hook, Receiver, hook_to
from webhooks import endpoints, replays
from webhooks.claims import claim
from webhooks.deliveries import send_again
from webhooks.dispatch import deliver_due
from webhooks.models import Delivery, DeliveryStatus, Replay, ReplayStatus
from webhooks.replays import cancel_replay, replay_due, start_replay


def _hour_ago() -> datetime:
    return timezone.now() - timedelta(hours=1)


def _replay(hook: Hook, **asked: Any) -> Replay:
    """Asks for the last hour, unless told otherwise, and queues all of it."""
    replay = start_replay(hook.endpoint, actor="test", **{"since": _hour_ago(), **asked})
    replay_due()
    replay.refresh_from_db()
    return replay


def _received(hook: Hook) -> list[str]:
    """The events that came, in order, since the last call."""
    ids = [received.message_id.removeprefix("msg_") for received in hook.receiver.received]
    hook.receiver.received.clear()
    return ids


def _happens(account: Account, *, times: int = 1) -> list[str]:
    return [factories.credential(account).events.get().public_id for _ in range(times)]


def _delivered(hook: Hook, *, times: int = 1) -> list[str]:
    """Events that have arrived."""
    events = _happens(hook.endpoint.account, times=times)
    deliver_due()
    assert sorted(_received(hook)) == sorted(events)
    return events


def test_what_happened_is_sent_again_under_the_same_ids(hook: Hook) -> None:
    events = _delivered(hook, times=3)
    replay = _replay(hook)
    assert (replay.status, replay.total, replay.done) == (ReplayStatus.COMPLETED, 3, 3)
    assert deliver_due() == {"succeeded": 3}
    assert sorted(_received(hook)) == sorted(events)
    assert Delivery.objects.count() == 3


def test_what_was_never_owed_is_owed_now(acme: Account, receiver: Receiver) -> None:
    before = _happens(acme)
    hook = hook_to(receiver, account=acme)
    endpoints.disable_endpoint(hook.endpoint, actor="test")
    meanwhile = _happens(acme)
    endpoints.enable_endpoint(hook.endpoint, actor="test")
    assert _replay(hook).total == 2
    deliver_due()
    assert sorted(_received(hook)) == sorted(before + meanwhile)


def test_only_failed_is_what_was_tried_and_has_not_arrived(hook: Hook, acme: Account) -> None:
    now = timezone.now()
    arrived, failed, cancelled, retried, fresh = _happens(acme, times=5)
    ended = {"next_attempt_at": now, "finished_at": now, "failures": 10}
    rows = Delivery.objects
    rows.filter(event__public_id=arrived).update(status=DeliveryStatus.SUCCEEDED, **ended)
    rows.filter(event__public_id=failed).update(status=DeliveryStatus.FAILED, **ended)
    rows.filter(event__public_id=cancelled).update(status=DeliveryStatus.CANCELLED, **ended)
    rows.filter(event__public_id=retried).update(failures=3, next_attempt_at=now + timedelta(hours=5))
    rows.filter(event__public_id=fresh).delete()  # it was never owed

    assert _replay(hook, only_failed=True).total == 3
    assert set(rows.filter(status=DeliveryStatus.PENDING).values_list("failures", flat=True)) == {0}
    deliver_due()
    assert sorted(_received(hook)) == sorted([failed, cancelled, retried])


@pytest.mark.parametrize("asked", [{}, {"only_failed": True}], ids=["all", "only failed"])
def test_what_is_on_its_way_is_left_alone(hook: Hook, acme: Account, asked: dict[str, bool]) -> None:
    _happens(acme)
    assert len(claim(token="a", limit=1)) == 1
    _happens(acme)
    before = list(Delivery.objects.order_by("pk").values())
    _replay(hook, **asked)
    assert list(Delivery.objects.order_by("pk").values()) == before


def test_the_past_of_others_is_not_sent(
    hook: Hook, acme: Account, globex: Account, receiver: Receiver
) -> None:
    neighbour = hook_to(receiver, account=acme)
    _happens(globex)
    [event] = _happens(acme)
    deliver_due()
    _received(hook)
    assert _replay(hook).total == 1
    assert deliver_due() == {"succeeded": 1}
    assert _received(hook) == [event]
    assert neighbour.endpoint.deliveries.get().attempts.count() == 1


def test_a_range_ends_before_its_end(hook: Hook) -> None:
    events = _delivered(hook, times=4)
    start = timezone.now() - timedelta(days=20)
    for hours, event in enumerate(events):
        Event.objects.filter(public_id=event).update(created_at=start + timedelta(hours=hours))
    _replay(hook, since=start + timedelta(hours=1), until=start + timedelta(hours=3))
    deliver_due()
    assert sorted(_received(hook)) == sorted(events[1:3])


def test_types_and_a_credential_narrow_it(hook: Hook, acme: Account) -> None:
    first, second = (factories.credential(acme) for _ in range(2))
    for credential in (first, second):
        lifecycle.revoke(credential, actor="test")
    deliver_due()
    _received(hook)
    _replay(hook, types=["credential.revoked"], credential=second)
    deliver_due()
    assert _received(hook) == [second.events.get(type="credential.revoked").public_id]


def test_an_endpoint_is_replayed_only_what_it_hears(acme: Account, receiver: Receiver) -> None:
    hook = hook_to(receiver, account=acme, event_types=["credential.revoked"])
    lifecycle.revoke(factories.credential(acme), actor="test")
    replay = _replay(hook)
    assert (replay.event_types, replay.total) == (["credential.revoked"], 1)


def test_tests_are_not_repeated(hook: Hook) -> None:
    endpoints.send_test(hook.endpoint, actor="test")
    deliver_due()
    replay = _replay(hook)
    assert (replay.status, replay.total) == (ReplayStatus.COMPLETED, 0)
    assert deliver_due() == {}


def test_what_happens_now_waits_behind_a_few_only(
    hook: Hook, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = _delivered(hook, times=7)
    pace(monkeypatch, 3)
    replay = _replay(hook)
    assert (replay.status, replay.total, replay.done) == (ReplayStatus.RUNNING, 7, 3)
    [new] = _happens(acme)
    replay_due()
    assert deliver_due() == {"succeeded": 4}
    assert sorted(_received(hook)) == sorted([*events[:3], new])
    _finish(replay)
    assert sorted(_received(hook)) == sorted(events[3:])


def test_the_pace_is_the_endpoint_s(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    _happens(hook.endpoint.account, times=60)
    Delivery.objects.all().delete()
    monkeypatch.setattr(replays, "BETWEEN_LOOKS", timedelta())
    replay = start_replay(hook.endpoint, since=_hour_ago(), actor="test")
    queued = []
    for work in (deliver_due, deliver_due, list, list, deliver_due, list):
        replay_due()
        replay.refresh_from_db()
        queued.append(Delivery.objects.filter(status=DeliveryStatus.PENDING).count())
        work()
    # Half as much again whenever it gets through; nothing more while all of that waits.
    assert queued == [15, 22, 23, 23, 23, 0]


def test_between_looks_it_leaves_the_endpoint_alone(hook: Hook) -> None:
    _delivered(hook, times=20)
    replay = _replay(hook)
    assert (replay.status, replay.done) == (ReplayStatus.RUNNING, 15)
    deliver_due()
    replay_due()
    replay.refresh_from_db()
    assert replay.done == 15
    Replay.objects.update(looked_at=timezone.now() - timedelta(seconds=1))
    replay_due()
    replay.refresh_from_db()
    assert (replay.status, replay.done) == (ReplayStatus.COMPLETED, 20)


def test_an_endpoint_in_order_gets_the_past_in_order(
    acme: Account, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = _happens(acme, times=2)
    hook = hook_to(receiver, account=acme)
    endpoints.update_endpoint(hook.endpoint, fifo=True, actor="test")
    late = _delivered(hook, times=5)
    pace(monkeypatch, 2)
    _finish(_replay(hook))
    assert _received(hook) == early + late


def _finish(replay: Replay) -> None:
    for _ in range(10):
        deliver_due()
        replay_due()
    replay.refresh_from_db()
    assert (replay.status, replay.done) == (ReplayStatus.COMPLETED, replay.total)
    assert deliver_due() == {}


def test_a_batch_that_breaks_off_has_done_nothing(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    _delivered(hook, times=3)
    before = list(Delivery.objects.order_by("pk").values())

    def break_off(endpoint: Any, event_ids: Sequence[int], **options: Any) -> None:
        send_again(endpoint, event_ids, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("webhooks.replays.send_again", break_off)
        with pytest.raises(KeyboardInterrupt):
            _replay(hook)
    assert list(Delivery.objects.order_by("pk").values()) == before
    assert (Replay.objects.get().done, Replay.objects.get().looked_at) == (0, None)
    replay_due()
    assert Replay.objects.get().status == ReplayStatus.COMPLETED
    assert deliver_due() == {"succeeded": 3}


@pytest.mark.parametrize(
    "meanwhile",
    [
        {"status": DeliveryStatus.SUCCEEDED, "finished_at": timezone.now(), "failures": 1},
        {"status": DeliveryStatus.PENDING, "finished_at": None, "failures": 1},
    ],
    ids=["they arrive", "more fail"],
)
def test_progress_ends_at_the_total_whatever_happens_meanwhile(
    hook: Hook, acme: Account, monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, Any]
) -> None:
    first, second, third, last = _happens(acme, times=4)
    later = timezone.now() + timedelta(hours=1)
    rows = Delivery.objects.filter(event__public_id__in=[first, second, last])
    rows.update(failures=1, next_attempt_at=later)
    Delivery.objects.filter(event__public_id=third).update(next_attempt_at=later)
    pace(monkeypatch, 1)
    replay = _replay(hook, only_failed=True)
    assert (replay.total, replay.done) == (3, 1)
    Delivery.objects.filter(event__public_id__in=[second, third]).update(**meanwhile)
    _finish(replay)
    assert replay.total == 3


def test_one_that_cannot_go_on_holds_up_no_other(
    hook: Hook, acme: Account, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    _happens(acme)
    broken, other = (
        start_replay(endpoint, since=_hour_ago(), actor="test")
        for endpoint in (hook.endpoint, hook_to(receiver, account=acme).endpoint)
    )
    Replay.objects.filter(pk=broken.pk).update(event_types=7)
    replay_due()
    other.refresh_from_db()
    assert other.status == ReplayStatus.COMPLETED
    assert f"replay {broken.pk} goes no further" in caplog.text


def test_a_cancelled_replay_queues_nothing_more(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    _delivered(hook, times=3)
    pace(monkeypatch, 1)
    replay = _replay(hook)
    cancel_replay(replay, actor="test")
    _received(hook)
    for _ in range(3):
        deliver_due()
        replay_due()
    assert len(_received(hook)) == 1


@pytest.mark.parametrize("end", [endpoints.disable_endpoint, endpoints.delete_endpoint])
def test_a_replay_ends_with_its_endpoint(hook: Hook, acme: Account, end: Any) -> None:
    _delivered(hook)
    replay = start_replay(hook.endpoint, since=_hour_ago(), actor="test")
    end(hook.endpoint, actor="test")
    replay_due()
    replay.refresh_from_db()
    assert (replay.status, replay.done) == (ReplayStatus.CANCELLED, 0)
    assert acme.events.get(type="webhook_endpoint.replay_cancelled").actor == "system"
    assert deliver_due() == {}


@pytest.mark.parametrize("times", [2, 12])
def test_a_batch_costs_the_same_however_large(
    hook: Hook, acme: Account, django_assert_max_num_queries: DjangoAssertNumQueries, times: int
) -> None:
    _delivered(hook, times=times)
    start_replay(hook.endpoint, since=_hour_ago(), actor="test")
    with django_assert_max_num_queries(30):
        replay_due()
    assert Replay.objects.get().done == times

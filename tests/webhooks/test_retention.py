"""What is forgotten after its time, and what is not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from credentials.models import Account, Event
from tests import factories
from tests.webhooks.callers import Caller
from tests.webhooks.receivers import Hook
from webhooks import retention
from webhooks.dispatch import deliver_due
from webhooks.models import Attempt, Delivery, DeliveryStatus, Replay
from webhooks.replays import replay_due, start_replay
from webhooks.retention import drop_old


def _delivered(hook: Hook, *, days_ago: int, times: int = 1) -> list[int]:
    """Deliveries that arrived so long ago."""
    for _ in range(times):
        factories.credential(hook.endpoint.account)
    deliver_due()
    rows = Delivery.objects.order_by("-pk")[:times]
    keys = [row.pk for row in rows]
    at = timezone.now() - timedelta(days=days_ago)
    Delivery.objects.filter(pk__in=keys).update(created_at=at, finished_at=at)
    Attempt.objects.filter(delivery__in=keys).update(started_at=at)
    return keys


def test_deliveries_are_dropped_after_their_time_with_their_attempts(hook: Hook, settings: Settings) -> None:
    settings.WEBHOOK_RETENTION_DAYS = 30
    _delivered(hook, days_ago=31, times=2)
    kept = _delivered(hook, days_ago=29)
    assert drop_old() == 2
    assert [row.pk for row in Delivery.objects.all()] == kept
    assert [row.delivery_id for row in Attempt.objects.all()] == kept
    assert drop_old() == 0


def test_events_are_kept_for_ever(hook: Hook, acme: Account) -> None:
    _delivered(hook, days_ago=5000)
    events = set(Event.objects.values_list("pk", flat=True))
    assert drop_old() == 1
    assert set(Event.objects.values_list("pk", flat=True)) == events


def test_what_is_pending_is_kept_however_old(hook: Hook) -> None:
    first, second = sorted(_delivered(hook, days_ago=100, times=2))
    Delivery.objects.filter(pk=first).update(status=DeliveryStatus.PENDING, finished_at=None)
    assert drop_old() == 1
    assert Delivery.objects.get().attempts.count() == 1
    assert not Delivery.objects.filter(pk=second).exists()


def test_what_was_sent_again_lately_is_kept(hook: Hook, caller: Caller) -> None:
    retried, _ = _delivered(hook, days_ago=100, times=2)
    caller.post(f"deliveries/{Delivery.objects.get(pk=retried).public_id}/retry")
    assert deliver_due() == {"succeeded": 1}
    assert drop_old() == 1
    assert Delivery.objects.get().pk == retried
    assert Delivery.objects.get().attempts.count() == 2


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_batches_leave_nothing_between_them(hook: Hook, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(retention, "BATCH", batch)
    _delivered(hook, days_ago=100, times=5)
    kept = _delivered(hook, days_ago=1, times=2)
    assert drop_old() == 5
    assert sorted(row.pk for row in Delivery.objects.all()) == sorted(kept)


def test_a_run_that_was_cut_short_is_taken_up_by_the_next(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    _delivered(hook, days_ago=100, times=5)
    assert drop_old(seconds=0) == 0
    drop, calls = retention._drop, []

    def break_off(batch: list[int], *, before: datetime) -> int:
        calls.append(batch)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return drop(batch, before=before)

    with monkeypatch.context() as patch:
        patch.setattr(retention, "_drop", break_off)
        with pytest.raises(KeyboardInterrupt):
            drop_old()
    assert Delivery.objects.count() == 3
    assert drop_old() == 3


def test_old_replays_are_dropped_and_running_ones_kept(hook: Hook) -> None:
    since = timezone.now() - timedelta(hours=1)
    old = start_replay(hook.endpoint, since=since, actor="test")
    replay_due()
    Replay.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=100))
    running = start_replay(hook.endpoint, since=since, actor="test")
    Replay.objects.filter(pk=running.pk).update(created_at=timezone.now() - timedelta(days=100))
    drop_old()
    assert Replay.objects.get() == running

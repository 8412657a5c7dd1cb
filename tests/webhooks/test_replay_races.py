"""Workers at once on one replay, and on what is old: only a database server lets them meet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from credentials.errors import Conflict
from credentials.models import Account
from tests import factories
from tests.webhooks.pacing import pace
from tests.webhooks.receivers import Hook, Receiver, hook_to
from webhooks import endpoints
from webhooks.dispatch import deliver_due
from webhooks.models import Delivery, DeliveryStatus, Endpoint, Replay, ReplayStatus
from webhooks.replays import cancel_replay, replay_due, start_replay
from webhooks.retention import drop_old

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time: nobody overtakes"
    ),
]


def _at_once(*verbs: Callable[[], Any]) -> list[Any]:
    def closing(verb: Callable[[], Any]) -> Any:
        try:
            return verb()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(verbs)) as threads:
        return [future.result() for future in [threads.submit(closing, verb) for verb in verbs]]


def _start(endpoint: Endpoint) -> Replay:
    return start_replay(endpoint, since=timezone.now() - timedelta(hours=1), actor="test")


def test_workers_at_once_queue_each_event_once(
    acme: Account, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace(monkeypatch, 7)
    for _ in range(30):
        factories.credential(acme)
    endpoint = hook_to(receiver, account=acme).endpoint
    replay = _start(endpoint)

    def work() -> None:
        for _ in range(30):
            replay_due()
            deliver_due()

    _at_once(work, work, work)
    replay.refresh_from_db()
    assert (replay.status, replay.total, replay.done) == (ReplayStatus.COMPLETED, 30, 30)
    assert Delivery.objects.count() == 30
    assert len(receiver.received) == len({received.message_id for received in receiver.received}) == 30


def test_one_of_two_replays_at_once_is_refused(hook: Hook) -> None:
    def start() -> bool:
        try:
            _start(hook.endpoint)
        except Conflict:
            return False
        return True

    assert sorted(_at_once(start, start, start)) == [False, False, True]
    assert Replay.objects.get().status == ReplayStatus.RUNNING


def test_a_worker_that_holds_the_batch_keeps_nobody_waiting(hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    deliver_due()
    replay = _start(hook.endpoint)
    with transaction.atomic():
        Replay.objects.select_for_update().get(pk=replay.pk)
        _at_once(replay_due)
        assert Replay.objects.get().total is None
    replay_due()
    assert Replay.objects.get().status == ReplayStatus.COMPLETED


@contextmanager
def _uncommitted(account: Account) -> Iterator[None]:
    """While the block lasts, something has happened that nobody sees yet."""
    written, leave = threading.Event(), threading.Event()

    def happen() -> None:
        try:
            with transaction.atomic():
                factories.credential(account)
                written.set()
                leave.wait(10)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        happening = threads.submit(happen)
        try:
            assert written.wait(10)
            yield
        finally:
            leave.set()
        happening.result()


def test_what_happened_while_it_was_disabled_is_replayed_however_late_it_commits(
    hook: Hook, acme: Account
) -> None:
    endpoints.disable_endpoint(hook.endpoint, actor="test")
    with _uncommitted(acme):
        endpoints.enable_endpoint(hook.endpoint, actor="test")
        replay = _start(hook.endpoint)
        replay_due()
        replay.refresh_from_db()
        assert (replay.status, replay.total) == (ReplayStatus.RUNNING, None)
    replay_due()
    replay.refresh_from_db()
    assert (replay.status, replay.total) == (ReplayStatus.COMPLETED, 1)
    assert deliver_due() == {"succeeded": 1}


def test_a_replay_does_not_wait_for_what_happens_after_its_start(hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    replay = _start(hook.endpoint)
    with _uncommitted(acme):
        replay_due()
        replay.refresh_from_db()
        assert (replay.status, replay.total) == (ReplayStatus.COMPLETED, 1)


def test_disabling_cancelling_and_queueing_at_once_leave_nothing_pending(
    acme: Account, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace(monkeypatch, 2)
    for _ in range(12):
        factories.credential(acme)
    hooks = [hook_to(receiver, account=acme) for _ in range(3)]
    started = [_start(hook.endpoint) for hook in hooks]

    def work() -> None:
        for _ in range(10):
            replay_due()
            deliver_due()

    def disable() -> None:
        for hook, replay in zip(hooks, started, strict=True):
            cancel_replay(replay, actor="test")
            endpoints.disable_endpoint(hook.endpoint, actor="test")

    _at_once(work, disable, work)
    work()
    assert set(Replay.objects.values_list("status", flat=True)) == {ReplayStatus.CANCELLED}
    assert not Delivery.objects.filter(status=DeliveryStatus.PENDING).exists()


def test_what_somebody_retries_at_this_moment_is_not_dropped(hook: Hook, acme: Account) -> None:
    for _ in range(2):
        factories.credential(acme)
    deliver_due()
    long_ago = timezone.now() - timedelta(days=100)
    Delivery.objects.update(created_at=long_ago, finished_at=long_ago)
    held = Delivery.objects.order_by("pk")[0]
    with transaction.atomic():
        Delivery.objects.select_for_update().get(pk=held.pk)
        assert _at_once(drop_old, drop_old).count(1) == 1
    assert Delivery.objects.get() == held

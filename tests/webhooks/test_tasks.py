"""One run of a process claims at a time, and no ring is lost between two."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from pytest_django import Settings

from credentials.models import Account
from passflow.celery import app
from tests import factories
from tests.webhooks.receivers import Hook
from webhooks import dispatch, tasks


def test_a_ring_while_a_run_claims_makes_another_run_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []

    def deliver(*, seconds: float, after_claims: Callable[[], None]) -> None:
        runs.append(len(runs))
        if len(runs) == 1:
            tasks.deliver_due()
            assert len(runs) == 1
        after_claims()

    monkeypatch.setattr(dispatch, "deliver_due", deliver)
    tasks.deliver_due()
    assert len(runs) == 2


def test_while_one_run_waits_for_answers_another_may_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, answered = threading.Event(), threading.Event()
    runs: list[int] = []

    def deliver(*, seconds: float, after_claims: Callable[[], None]) -> None:
        runs.append(len(runs))
        after_claims()
        if len(runs) == 1:
            waiting.set()
            answered.wait(10)

    monkeypatch.setattr(dispatch, "deliver_due", deliver)
    first = threading.Thread(target=tasks.deliver_due)
    first.start()
    waiting.wait(10)
    tasks.deliver_due()
    assert len(runs) == 2
    answered.set()
    first.join()


@pytest.mark.django_db
def test_a_run_that_fails_leaves_the_turn_to_the_next(hook: Hook, acme: Account, settings: Settings) -> None:
    factories.credential(acme)
    settings.WEBHOOK_ALLOWED_NETWORKS = ["no network"]
    with pytest.raises(ValueError, match="no network"):
        tasks.deliver_due()
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    tasks.deliver_due()
    assert len(hook.receiver.received) == 1


def test_webhooks_have_a_queue_of_their_own() -> None:
    route = app.amqp.router.route({}, tasks.deliver_due.name)
    assert route["queue"].name == "webhooks"
    assert {queue.name for queue in app.amqp.queues.values()} == {"celery", "webhooks"}

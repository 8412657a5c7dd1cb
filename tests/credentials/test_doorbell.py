"""The doorbell: rings once, after commit, and never holds up or breaks the request that rings it."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterator
from threading import Thread

import pytest
import redis
from celery import Celery
from django.conf import settings as configured
from django.db import transaction
from pytest_django import Settings

from credentials import doorbell
from credentials.models import Account
from passflow.celery import app
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

TASK = "tests.nothing_has_this_name"


@pytest.fixture(autouse=True)
def embedded(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bells ring in this process, nobody has rung yet, and no broker has failed."""
    settings.EMBEDDED = True
    monkeypatch.setattr(doorbell, "_paused_until", 0.0)
    doorbell.wait(TASK, timeout=0)


def rung() -> bool:
    return doorbell.wait(TASK, timeout=0)


def test_it_rings_after_the_commit_and_not_before() -> None:
    with transaction.atomic():
        doorbell.ring(TASK)
        assert not rung()
    assert rung()
    assert not rung()


def test_outside_a_transaction_it_rings_at_once() -> None:
    doorbell.ring(TASK)
    assert rung()


def test_what_is_undone_rings_nobody() -> None:
    with transaction.atomic():
        doorbell.ring(TASK)
        transaction.set_rollback(True)
    assert not rung()


def test_an_undone_part_does_not_swallow_a_later_ring() -> None:
    with transaction.atomic():
        with transaction.atomic():
            doorbell.ring(TASK)
            transaction.set_rollback(True)
        doorbell.ring(TASK)
    assert rung()


def test_who_waits_is_woken() -> None:
    woken: list[float] = []

    def wait() -> None:
        if doorbell.wait(TASK, timeout=10):
            woken.append(time.monotonic())

    waiting = Thread(target=wait)
    waiting.start()
    rang = time.monotonic()
    doorbell.ring(TASK)
    waiting.join(timeout=10)
    assert woken
    assert woken[0] - rang < 1


def test_who_waits_for_another_task_is_not() -> None:
    doorbell.ring("tests.another")
    assert not doorbell.wait(TASK, timeout=0.01)
    assert doorbell.wait("tests.another", timeout=0)


@pytest.fixture
def broker(settings: Settings) -> Iterator[Celery]:
    """A broker of REDIS_URL, with a queue that nobody else reads."""
    if not configured.REDIS_URL:
        pytest.skip("needs the broker of REDIS_URL")
    settings.EMBEDDED = False
    with Celery("test", broker=configured.REDIS_URL, set_as_current=True) as own:
        own.conf.task_default_queue = f"test-{uuid.uuid4()}"
        yield own
    app.set_current()


def test_many_rings_in_a_transaction_are_one_message_without_content(broker: Celery) -> None:
    with transaction.atomic():
        for _ in range(5):
            doorbell.ring(TASK)
            doorbell.ring("tests.another")
    with redis.Redis.from_url(configured.REDIS_URL) as server:
        queue = broker.conf.task_default_queue
        messages = [str(server.lpop(queue)) for _ in range(int(server.llen(queue)))]
    assert len(messages) == 2
    assert all(any(name in message for message in messages) for name in (TASK, "tests.another"))
    assert all('"argsrepr": "()"' in message for message in messages)


@pytest.fixture
def without_broker(settings: Settings) -> Iterator[None]:
    """Redis is away: nobody listens at its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield from speaking_to(port, settings)


@pytest.fixture
def with_silent_broker(settings: Settings) -> Iterator[None]:
    """Redis hangs: it takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield from speaking_to(server.getsockname()[1], settings)


def speaking_to(port: int, settings: Settings) -> Iterator[None]:
    settings.EMBEDDED = False
    with Celery("test", broker=f"redis://127.0.0.1:{port}/0", set_as_current=True) as own:
        own.conf.broker_transport_options = configured.CELERY_BROKER_TRANSPORT_OPTIONS
        yield
    app.set_current()


@pytest.mark.parametrize(("outage", "seconds"), [("without_broker", 1), ("with_silent_broker", 4)])
def test_without_a_broker_changes_are_kept_and_requests_do_not_wait(
    request: pytest.FixtureRequest,
    acme: Account,
    outage: str,
    seconds: float,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kind = factories.credential_type(acme)
    request.getfixturevalue(outage)
    began = time.monotonic()
    for _ in range(5):
        factories.credential(acme, credential_type=kind)
    assert time.monotonic() - began < seconds
    assert acme.credentials.count() == 5
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said == ["the broker cannot be reached; tasks run at their next look-up"]

"""A real Celery worker, on a real broker: rung, not rung, and killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from credentials import lifecycle
from credentials.models import Account
from tests import factories
from tests.passflow.test_cache import redis_at
from tests.webhooks.receivers import Receiver, hook_to, listening
from webhooks.models import Delivery, DeliveryStatus

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(settings.EMBEDDED, reason="needs REDIS_URL: without it there is no worker"),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="needs a database that several processes share"
    ),
]

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def environment() -> dict[str, str]:
    """That of processes on the test's own database."""
    database = connection.settings_dict
    address = f"{database['HOST']}:{database['PORT'] or 5432}/{database['NAME']}"
    return {
        **os.environ,
        "DATABASE_URL": f"postgres://{quote(database['USER'])}:{quote(database['PASSWORD'])}@{address}",
        "PASSFLOW_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "PASSFLOW_FIELD_KEYS": ",".join(settings.FIELD_KEYS),
    }


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Starts workers with their clock; whatever is left is ended."""
    workers: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        schedule = tmp_path / f"schedule-{len(workers)}"
        command = [
            sys.executable,
            "-m",
            "celery",
            "--app",
            "passflow",
            "worker",
            "--beat",
            "--pool",
            "threads",
        ]
        command += ["--schedule", str(schedule), "--loglevel", "WARNING"]
        workers.append(
            subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, start_new_session=True)
        )
        return workers[-1]

    yield start
    for worker in workers:
        if worker.poll() is None:
            worker.terminate()
            worker.wait(timeout=30)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


def forget_everything() -> None:
    """Empties the queue, as a broker does that was restarted without a disk."""
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.delete("celery", "webhooks")


def heard_within(receiver: Receiver, count: int, *, seconds: float) -> bool:
    """Whether so many messages arrive in time."""
    return within(seconds, lambda: len({message.message_id for message in receiver.received}) >= count)


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether it comes true in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def open_loopback(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]


def test_what_a_dead_worker_left_is_delivered_by_the_next(
    acme: Account, receiver: Receiver, open_loopback: None, start: Start
) -> None:
    hook_to(receiver, account=acme)
    first = start()
    credential = factories.credential(acme)
    assert heard_within(receiver, 1, seconds=20)
    # The worker dies, and the broker forgets what it was told: only the rows are left.
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(timeout=10)
    lifecycle.suspend(credential, actor="test")
    lifecycle.revoke(credential, actor="test")
    forget_everything()
    start()
    assert heard_within(receiver, 3, seconds=20)
    types = {message.message["type"] for message in receiver.received}
    assert types == {"credential.created", "credential.suspended", "credential.revoked"}


def test_what_a_dead_worker_was_sending_is_free_within_a_minute_and_sent_again(
    acme: Account, receiver: Receiver, open_loopback: None, start: Start
) -> None:
    hook_to(receiver, account=acme)
    receiver.slowness = 60
    worker = start()
    factories.credential(acme)
    assert heard_within(receiver, 1, seconds=20)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait(timeout=10)
    held = Delivery.objects.get()
    assert held.status == DeliveryStatus.PENDING
    assert held.claim_token is not None
    assert held.claimed_until is not None
    assert timezone.now() < held.claimed_until < timezone.now() + timedelta(seconds=60)
    # The minute has passed.
    Delivery.objects.update(claimed_until=timezone.now())
    receiver.slowness = 0
    start()
    assert within(20, lambda: Delivery.objects.get().status == DeliveryStatus.SUCCEEDED)
    first, second = receiver.received
    assert (first.message_id, first.body) == (second.message_id, second.body)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server to start and to stop")
def test_without_a_broker_somebody_stands_in(
    acme: Account,
    receiver: Receiver,
    open_loopback: None,
    environment: dict[str, str],
    unused_port: int,
    tmp_path: Path,
) -> None:
    hook_to(receiver, account=acme)
    command = [sys.executable, "manage.py", "stand_in"]
    environment = {**environment, "REDIS_URL": f"redis://127.0.0.1:{unused_port}/0"}
    with ExitStack() as broker, ExitStack() as ending:
        broker.enter_context(redis_at(unused_port, tmp_path))
        log = ending.enter_context((tmp_path / "log").open("wb"))
        stand_in = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stderr=log)
        ending.callback(stand_in.wait, timeout=10)
        ending.callback(stand_in.terminate)
        with redis.Redis(port=unused_port) as client:
            assert within(20, lambda: client.info("stats")["total_connections_received"] >= 5)
        credential = factories.credential(acme)
        # While the broker answers, the work is the workers'.
        assert not heard_within(receiver, 1, seconds=2)
        broker.close()
        assert heard_within(receiver, 1, seconds=5)
        lifecycle.suspend(credential, actor="test")
        assert heard_within(receiver, 2, seconds=2)
    assert "standing in for the workers" in (tmp_path / "log").read_text()


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])

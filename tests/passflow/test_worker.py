"""A real Celery worker, on a real broker: rung, not rung, and killed."""

from __future__ import annotations

import json
import os
import re
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
from typing import Any
from urllib.parse import quote

import pytest
import redis
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from credentials import lifecycle, tokens
from credentials.invitations import invite
from credentials.models import Account, Invitation
from credentials.suspicion import Rule
from redemption import suspicion
from tests import factories
from tests.factories import url_token
from tests.fakes.smtp import FakeSmtp
from tests.passflow.test_cache import redis_at
from tests.webhooks.receivers import Receiver, hook_to, listening
from webhooks.models import Delivery, DeliveryStatus, EndpointSecret

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
        with (tmp_path / f"worker-{len(workers)}.log").open("wb") as log:
            output: dict[str, Any] = {"stdout": log, "stderr": log}
            workers.append(
                subprocess.Popen(
                    command, cwd=settings.BASE_DIR, env=environment, start_new_session=True, **output
                )
            )
        return workers[-1]

    yield start
    for worker in workers:
        if worker.poll() is None:
            worker.terminate()
            worker.wait(timeout=30)
    for log in sorted(tmp_path.glob("worker-*.log")):
        sys.stderr.write(log.read_text())


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


class EchoingSmtp(FakeSmtp):
    """Takes no mail for now, and says why in the mail's own words, as filters do."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []

    def __enter__(self) -> EchoingSmtp:
        super().__enter__()
        return self

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name for it
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        [link] = set(re.findall(r"http://\S+?/passes/[0-9a-z]{26}", envelope.content.decode()))
        self.refused.append(link)
        return f"451 4.7.1 we do not like {link}"


def test_nothing_that_a_worker_writes_opens_a_door(
    acme: Account,
    receiver: Receiver,
    open_loopback: None,
    environment: dict[str, str],
    start: Start,
    tmp_path: Path,
) -> None:
    receiver.status = 500
    lists: Any = caches["default"]
    hook = hook_to(receiver, account=acme)
    unreadable = hook_to(receiver, account=acme).endpoint
    EndpointSecret.objects.filter(endpoint=unreadable).update(ciphertext=b"unreadable")
    crash, log = tokens.mint_url_token(), tmp_path / "worker-0.log"
    with EchoingSmtp() as server:
        environment["EMAIL_URL"] = f"smtp://127.0.0.1:{server.port}"
        # A number was to stand there: the task logs an error that quotes it, with its traceback.
        lists.push(suspicion.QUEUE, json.dumps([Rule.CLAIMS_WHILE_IN_USE, crash]), most=9)
        invite(factories.credential(acme), actor="test")
        worker = start()
        assert within(20, lambda: Invitation.objects.exclude(last_error="").exists())
        Invitation.objects.update(due_at=timezone.now())
        # Both are tried again.
        assert within(20, lambda: len(server.refused) >= 2 and len(receiver.received) >= 2)
        assert within(20, lambda: "invalid literal for int()" in log.read_text())
        worker.terminate()
        worker.wait(timeout=30)
    lists.pop_all(suspicion.QUEUE)
    written = log.read_text().lower()
    assert "could not be mailed: smtpdataerror 451" in written
    assert "invalid literal for int() with base 10: '[redacted]'" in written
    minted = [url_token(link) for link in server.refused]
    for secret in (crash, *minted, hook.secret.partition("_")[2]):
        assert secret.lower() not in written

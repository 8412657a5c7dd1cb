"""How long a message waits, from the commit of its event to its first attempt, while nothing else is on."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from credentials.events import record_all
from tests.benchmarks.webhook_stage.database import (
    environment,
    event,
    make_endpoints,
    own_database,
    services,
)
from tests.benchmarks.webhook_stage.sink import listening
from webhooks.models import Attempt, Endpoint

EVENTS = 200
PAUSE_SECONDS = 0.1
LONGEST_SECONDS = 60


def main() -> None:
    """Print the 99th percentile with a worker that is rung over Redis, and with nothing but the look-up."""
    if not services("webhook_latency"):
        return
    with own_database(), listening() as sink:
        [endpoint] = make_endpoints([sink.url("/hook")])
        with _worker():
            rung = _percentile(endpoint)
        with _embedded():
            unrung = _percentile(endpoint)
    sys.stdout.write(f"webhook_latency: {rung:.3f} s (p99 from commit to first attempt)\n")
    sys.stdout.write(f"webhook_latency_without_redis: {unrung:.3f} s (p99 from commit to first attempt)\n")


def _percentile(endpoint: Endpoint) -> float:
    """Seconds within which all but one in a hundred attempts began."""
    before = Attempt.objects.count()
    # The first finds the other process still starting.
    _tell(endpoint)
    _wait_for_attempts(before + 1)
    committed = dict(_tell(endpoint) for _ in range(EVENTS))
    _wait_for_attempts(before + 1 + EVENTS)
    begun = dict(Attempt.objects.values_list("delivery__event", "started_at"))
    waits = sorted((begun[pk] - at).total_seconds() for pk, at in committed.items())
    return waits[int(0.99 * len(waits))]


def _tell(endpoint: Endpoint) -> tuple[int, datetime]:
    """An event after a pause: its primary key, and when it was committed."""
    time.sleep(PAUSE_SECONDS)
    one = event(endpoint.account)
    with transaction.atomic():
        record_all([one])
    return one.pk, timezone.now()


def _wait_for_attempts(count: int) -> None:
    until = time.monotonic() + LONGEST_SECONDS
    while Attempt.objects.count() < count:
        if time.monotonic() > until:
            raise TimeoutError(f"{count} attempts took more than {LONGEST_SECONDS} s")
        time.sleep(0.1)


@contextmanager
def _worker() -> Iterator[None]:
    """The worker for webhooks of `make worker`, with a clock of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "celery", "--app", "passflow", "worker", "--queues", "webhooks"]
        command += ["--pool", "threads", "--concurrency", "4", "--loglevel", "ERROR"]
        command += ["--beat", "--schedule", f"{folder}/schedule"]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL) as worker:
            try:
                yield
            finally:
                worker.terminate()


@contextmanager
def _embedded() -> Iterator[None]:
    """A process without Redis, whose dispatcher is a thread; no ring of another process reaches it."""
    command = [sys.executable, "-c", "import threading, passflow.wsgi; threading.Event().wait()"]
    with subprocess.Popen(command, env={**environment(), "REDIS_URL": ""}) as process:
        try:
            yield
        finally:
            process.terminate()


if __name__ == "__main__":
    main()

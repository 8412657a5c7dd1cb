"""A process that works in the background as the embedded one does, with tasks that note, fail and hang."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

from celery import shared_task
from django.conf import settings
from django.db import transaction

from credentials import doorbell
from passflow import embedded

noted: list[float] = []
failures: list[float] = []
hanging = threading.Event()


@shared_task
def note() -> None:
    """Says when it ran."""
    noted.append(time.monotonic())


@shared_task
def fail() -> None:
    """Never succeeds."""
    failures.append(time.monotonic())
    raise RuntimeError("this task always fails")


@shared_task
def hang() -> None:
    """Never ends."""
    hanging.set()
    threading.Event().wait()


def main() -> None:
    """Prints what an observer has seen, in seconds."""
    # By schedule, `note` would run a second time in an hour.
    seconds = {"note": 3600.0, "fail": 0.05, "hang": 0.05}
    settings.CELERY_BEAT_SCHEDULE = {
        f"tests.passflow.embedded_process.{name}": {"schedule": every} for name, every in seconds.items()
    }
    threads = embedded.start()
    assert hanging.wait(10)
    wait_until(lambda: len(noted) == 1 and len(failures) >= 3)
    rung = time.monotonic()
    with transaction.atomic():
        doorbell.ring("tests.passflow.embedded_process.note")
        doorbell.ring("tests.passflow.embedded_process.note")
    wait_until(lambda: len(noted) > 1)
    time.sleep(0.2)
    seen = {
        "noted": len(noted),
        "after_ring": noted[1] - rung,
        "failures": len(failures),
        "alive": [thread.is_alive() for thread in threads],
        "daemons": [thread.daemon for thread in threads],
    }
    print(json.dumps(seen))  # noqa: T201 - this is what the test reads


def wait_until(condition: Callable[[], bool]) -> None:
    """Ends when `condition` holds, or fails after ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)

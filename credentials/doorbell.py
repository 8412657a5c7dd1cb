"""Tells the workers, after commit, that there may be work; rows are the truth, a lost ring costs a second."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

# Seconds for which a broker that did not answer is left alone: requests must not wait for it one by one.
PAUSE = 5.0
_paused_until = 0.0  # on the monotonic clock

_rung: set[str] = set()
_bell = threading.Condition()


def ring(task_name: str) -> None:
    """Rings for `task_name` once when the current transaction commits, however often it is asked."""
    call = partial(_ring_now, task_name)
    waiting = {entry[1].args for entry in connection.run_on_commit if isinstance(entry[1], partial)}
    if call.args not in waiting:
        transaction.on_commit(call, robust=True)


def wait(task_name: str, *, timeout: float) -> bool:
    """Whether this process rang for the task since the last call; waits `timeout` seconds at most."""
    with _bell:
        rung = _bell.wait_for(lambda: task_name in _rung, timeout)
        _rung.discard(task_name)
    return rung


def _ring_now(task_name: str) -> None:
    if settings.EMBEDDED:
        with _bell:
            _rung.add(task_name)
            _bell.notify_all()
    elif time.monotonic() >= _paused_until:
        _send(task_name)


def _send(task_name: str) -> None:
    global _paused_until
    try:
        current_app.send_task(task_name, retry=False, expires=60)
    except OperationalError:
        _paused_until = time.monotonic() + PAUSE
        logger.warning("the broker cannot be reached; tasks run at their next look-up")

"""The background work in threads of this process: Celery's schedule and doorbells without a broker."""

from __future__ import annotations

import logging
import threading

from django.conf import settings
from django.db import close_old_connections
from django.utils.module_loading import import_string

from credentials import doorbell

logger = logging.getLogger(__name__)


def start(wanted: threading.Event | None = None) -> list[threading.Thread]:
    """Starts a thread for each scheduled task, so that a receiver that hangs holds up nobody's push.

    They rest while `wanted` is not set.
    """
    if wanted is None:
        wanted = threading.Event()
        wanted.set()
    threads = [
        threading.Thread(target=_work, args=(task, entry["schedule"], wanted), name=task, daemon=True)
        for task, entry in settings.CELERY_BEAT_SCHEDULE.items()
    ]
    for thread in threads:
        thread.start()
    return threads


def run(task_name: str) -> None:
    """Runs one task here and now; an error is logged and left to the next round, as a worker would."""
    close_old_connections()
    try:
        import_string(task_name).run()
    except Exception:
        logger.exception("task %s failed", task_name)
    finally:
        close_old_connections()


def _work(task_name: str, seconds: float, wanted: threading.Event) -> None:
    while wanted.wait():
        run(task_name)
        doorbell.wait(task_name, timeout=seconds)

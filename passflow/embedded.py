"""The background work in a thread of this process: Celery's schedule and doorbells without a broker."""

from __future__ import annotations

import logging
import threading
import time

from celery import current_app
from django.conf import settings
from django.db import close_old_connections

from credentials import doorbell

logger = logging.getLogger(__name__)


def start() -> threading.Thread:
    """Runs the schedule and answers the doorbell until the process ends."""
    thread = threading.Thread(target=_work, name="embedded-worker", daemon=True)
    thread.start()
    return thread


def run(task_name: str) -> None:
    """Runs one task here and now; an error is logged and left to the next round, as a worker would."""
    close_old_connections()
    try:
        current_app.tasks[task_name].run()
    except Exception:
        logger.exception("task %s failed", task_name)
    finally:
        close_old_connections()


def _work() -> None:
    current_app.loader.import_default_modules()
    schedule = {entry["task"]: float(entry["schedule"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    due = dict.fromkeys(schedule, time.monotonic())
    while True:
        rung = doorbell.wait(timeout=max(0.0, min(due.values()) - time.monotonic()))
        now = time.monotonic()
        for task_name in rung | {name for name, at in due.items() if at <= now}:
            run(task_name)
            due[task_name] = time.monotonic() + schedule.get(task_name, float("inf"))

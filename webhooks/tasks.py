"""What the worker is rung for; the beat rings every second as well, so that a lost ring costs no more."""

from __future__ import annotations

import math
import threading

from celery import shared_task
from django.conf import settings

from webhooks import dispatch, notices, replays, retention

# A run ends within this and one attempt's deadline, so that a worker can be stopped without killing it.
CLAIM_SECONDS = 10.0

# One run of a process claims at a time; another may begin while it waits for its last answers.
_turn = threading.Lock()
_rung = threading.Event()


@shared_task
def deliver_due() -> None:
    """Delivers whatever is due; harmless to run twice at once.

    Where this process is at it already, nothing is left to do but to let it know, lest it just be ending.
    """
    _rung.set()
    while _rung.is_set() and _turn.acquire(blocking=False):
        _rung.clear()
        # Nobody stops a thread of the web process, and nobody else would claim while it waits.
        dispatch.deliver_due(
            seconds=math.inf if settings.EMBEDDED else CLAIM_SECONDS, after_claims=_turn.release
        )


@shared_task
def send_notices() -> None:
    """Sends the mails that are owed about endpoints."""
    notices.send_due()


@shared_task
def replay_due() -> None:
    """Queues more of what is being replayed; harmless to run twice at once."""
    replays.replay_due()


@shared_task
def drop_old() -> None:
    """Deletes old deliveries and attempts; harmless to run twice at once."""
    retention.drop_old()

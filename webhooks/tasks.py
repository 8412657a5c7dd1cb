"""What the worker is rung for; the beat rings every second as well, so that a lost ring costs no more."""

from __future__ import annotations

from celery import shared_task

from webhooks import dispatch, notices, replays, retention

# A run ends within this and one attempt's deadline, so that a worker can be stopped without killing it.
CLAIM_SECONDS = 10.0


@shared_task
def deliver_due() -> None:
    """Delivers whatever is due; harmless to run twice at once."""
    dispatch.deliver_due(seconds=CLAIM_SECONDS)


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

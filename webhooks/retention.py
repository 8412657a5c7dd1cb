"""Drops what was delivered long ago, in batches that hold up nobody.

Why not partitions by day: seconds of one core on PostgreSQL 15, with a million deliveries and two million
attempts over ninety days,

    in                                              one table and batches       attempts by the day
    inserting 100,000 attempts by the hundred                        2.2                       2.1
    listing 50 deliveries with their attempts                     0.0004                     0.005
    dropping all of it                             15, and 3 of vacuuming    0.03 and the deliveries

Deliveries cannot be partitioned by time, because there is one per event and endpoint whenever it was made. So
partitions would save some seconds a day, and make every look at a list ten times dearer.

A batch holds its rows for a tenth of a second. One after the other on a busy machine, batches took two fifths
of a dispatcher's throughput; resting as long as they work, a sixth, and dropped 2,400 deliveries a second.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from webhooks.models import Attempt, Delivery, Replay, ReplayStatus

BATCH = 1_000


def kept_since(*, now: datetime) -> datetime:
    """The time from which on deliveries, attempts and replays are still on record."""
    return now - timedelta(days=settings.WEBHOOK_RETENTION_DAYS)


def drop_old(*, seconds: float = 5.0) -> int:
    """Deletes old deliveries with their attempts; how many deliveries.

    A delivery counts from its end, which a retry puts off; one that is still pending stays. Events are the
    audit trail and stay for ever. Begins no batch after `seconds`; the next run finds where this one stopped.
    """
    ends_at = time.monotonic() + seconds
    before = kept_since(now=timezone.now())
    Replay.objects.exclude(status=ReplayStatus.RUNNING).filter(finished_at__lt=before).delete()
    after = dropped = 0
    while (began_at := time.monotonic()) < ends_at and (batch := _oldest(after, before=before)):
        dropped += _drop(batch, before=before)
        after = batch[-1]
        time.sleep(time.monotonic() - began_at)
    return dropped


def _oldest(after: int, *, before: datetime) -> list[int]:
    """Primary keys of what was made before then: they rise with time, so that this needs no further index."""
    rows = Delivery.objects.filter(pk__gt=after).order_by("pk").values_list("pk", "created_at")[:BATCH]
    return [pk for pk, created_at in rows if created_at < before]


def _drop(batch: list[int], *, before: datetime) -> int:
    with transaction.atomic():
        finished = Delivery.objects.filter(pk__in=batch, finished_at__lt=before)
        # Whoever retries one at this moment keeps it.
        keys = list(finished.select_for_update(skip_locked=True).values_list("pk", flat=True))
        Attempt.objects.filter(delivery__in=keys).delete()
        # `delete()` would read them all once more, and their attempts, to delete a hundred at a time.
        Delivery.objects.filter(pk__in=keys)._raw_delete(connection.alias)
    return len(keys)

"""Sends a stretch of the past to an endpoint again, in batches that can be interrupted at any moment.

A replay is a row. Each batch locks it, queues the deliveries and moves the row's cursor in one transaction:
a worker that is killed has done the whole batch or nothing, and several workers never do one twice. There is
a batch about every second, as large as what the endpoint has got through since the last.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from credentials import doorbell, event_order
from credentials.errors import Conflict, Invalid, NotFound, Refusal
from credentials.event_types import PUBLIC_EVENT_TYPES, EventType
from credentials.models import Credential, Event
from credentials.timestamps import rfc3339
from webhooks.deliveries import DISPATCHER, NOT_ARRIVED, send_again
from webhooks.models import Delivery, DeliveryStatus, Endpoint, Replay, ReplayStatus
from webhooks.outbox import FANNED_OUT
from webhooks.retention import kept_since
from webhooks.trail import record_for_endpoint

logger = logging.getLogger(__name__)

REPLAYER = "webhooks.tasks.replay_due"
LONGEST_RANGE = timedelta(days=30)
# What happens now queues up behind what is replayed, so no more of that waits than the endpoint takes between
# two looks, about a second: deliveries at once, at least and at most.
SLOWEST = 10
FASTEST = 1_000
BETWEEN_LOOKS = timedelta(seconds=0.8)


def start_replay(
    endpoint: Endpoint,
    *,
    since: datetime,
    actor: str,
    until: datetime | None = None,
    types: Iterable[str] = (),
    only_failed: bool = False,
    credential: Credential | None = None,
) -> Replay:
    """Queues again what happened from `since` until before `until`, or until now.

    Without `types`, all that the endpoint hears; with `only_failed`, deliveries that were tried or called off
    and have not arrived; otherwise also what arrived, and what was never owed to it. Raises `Invalid` for a
    range or a type that cannot be replayed, and `Conflict` while it is disabled or another replay is running.
    """
    now = timezone.now()
    until = min(until or now, now)
    _check_range(since, until, now=now)
    with transaction.atomic():
        endpoint = _held(endpoint)
        wanted = _heard(endpoint, types)
        if Replay.objects.filter(endpoint=endpoint, status=ReplayStatus.RUNNING).exists():
            raise Conflict("A replay to this endpoint is running; wait for its end or cancel it.")
        replay = Replay.objects.create(
            endpoint=endpoint,
            credential=credential,
            actor=actor,
            since=since,
            until=until,
            event_types=wanted,
            only_failed=only_failed,
            last=event_order.last_given(),
        )
        _record(EventType.WEBHOOK_REPLAY_STARTED, replay, actor=actor, now=now)
        doorbell.ring(REPLAYER)
    return replay


def cancel_replay(replay: Replay, *, actor: str) -> Replay:
    """Queues nothing more; what it has queued is sent. Cancelled already: changes nothing.

    Raises `Conflict` when it is completed.
    """
    with transaction.atomic():
        now = timezone.now()
        running = Replay.objects.filter(pk=replay.pk, status=ReplayStatus.RUNNING)
        if running.update(status=ReplayStatus.CANCELLED, finished_at=now):
            _record(EventType.WEBHOOK_REPLAY_CANCELLED, replay, actor=actor, now=now)
    replay.refresh_from_db()
    if replay.status == ReplayStatus.COMPLETED:
        raise Conflict("This replay is completed.")
    return replay


def replay_due() -> None:
    """Takes every running replay a batch further, if it is time; harmless to run twice at once."""
    now = timezone.now()
    due = Replay.objects.filter(Q(looked_at=None) | Q(looked_at__lte=now - BETWEEN_LOOKS))
    for pk in due.filter(status=ReplayStatus.RUNNING).values_list("pk", flat=True):
        try:
            with transaction.atomic():
                _queue_batch(due.filter(pk=pk))
        except Exception:
            # The others must not wait for one that cannot go on.
            logger.exception("replay %s goes no further", pk)


def _check_range(since: datetime, until: datetime, *, now: datetime) -> None:
    if since >= now:
        raise Invalid("since", "This must be in the past.")
    if since < kept_since(now=now):
        days = settings.WEBHOOK_RETENTION_DAYS
        raise Invalid("since", f"What happened more than {days} days ago cannot be replayed.")
    if until <= since:
        raise Invalid("until", "This must be after since.")
    if until - since > LONGEST_RANGE:
        raise Invalid("until", f"A replay covers at most {LONGEST_RANGE.days} days.")


def _held(endpoint: Endpoint) -> Endpoint:
    """The endpoint's row as it is now, held until the transaction ends, so that nobody disables it."""
    rows = Endpoint.objects.present().select_related("account").select_for_update(of=("self",), no_key=True)
    found = rows.filter(pk=endpoint.pk).first()
    if found is None:
        raise NotFound("This endpoint has been deleted.")
    if not found.enabled:
        raise Conflict("This endpoint is disabled; enable it first.")
    return found


def _heard(endpoint: Endpoint, types: Iterable[str]) -> list[str]:
    """The types to replay: of those that the endpoint hears, and never a test, which is for once."""
    heard = [str(event_type) for event_type in PUBLIC_EVENT_TYPES if event_type in FANNED_OUT]
    heard = [event_type for event_type in heard if endpoint.hears(event_type)]
    wanted = set(types)
    refused = sorted(wanted.difference(heard))
    if refused:
        raise Invalid("types", f"To this endpoint, these cannot be replayed: {', '.join(refused)}.")
    return [event_type for event_type in heard if event_type in wanted] if wanted else heard


def _queue_batch(due: QuerySet[Replay]) -> None:
    replay = (
        due.select_related("endpoint__account")
        .select_for_update(of=("self",), skip_locked=True)
        .filter(status=ReplayStatus.RUNNING)
        .first()
    )
    if replay is None:
        return
    now = timezone.now()
    if replay.total is None:
        # What read the endpoint as disabled, and so owes it nothing, may not have committed yet.
        if not event_order.has_settled(replay.last):
            return
        _survey(replay)
    try:
        endpoint = _held(replay.endpoint)
    except Refusal:
        _end(replay, ReplayStatus.CANCELLED, now=now)
        _record(EventType.WEBHOOK_REPLAY_CANCELLED, replay, actor="system", now=now)
    else:
        _queue(replay, endpoint=endpoint, now=now)


def _survey(replay: Replay) -> None:
    """Counts what there is to do, and finds where it begins and ends."""
    found = _events(replay).aggregate(total=Count("pk"), first=Min("pk"), last=Max("pk"))
    replay.total = found["total"]
    replay.cursor, replay.last = (found["first"] or 1) - 1, found["last"] or 0


def _queue(replay: Replay, *, endpoint: Endpoint, now: datetime) -> None:
    room = _room(replay, endpoint=endpoint, now=now)
    # In the order of the events, so that an endpoint that wants them in order gets them so.
    ahead = _events(replay).filter(pk__gt=replay.cursor, pk__lte=replay.last).order_by("pk")
    batch = list(ahead.values_list("pk", flat=True)[:room])
    send_again(endpoint, batch, only_failed=replay.only_failed, now=now)
    completed = len(batch) < room
    # Since they were counted, some may have arrived by themselves, and others have failed.
    total = replay.total or 0
    replay.done = total if completed else min(total, replay.done + len(batch))
    replay.cursor = batch[-1] if batch else replay.cursor
    replay.save()
    if completed:
        _end(replay, ReplayStatus.COMPLETED, now=now)
    doorbell.ring(DISPATCHER)


def _room(replay: Replay, *, endpoint: Endpoint, now: datetime) -> int:
    """How much to queue: more than last time when the endpoint has got through, less when it has not."""
    due = endpoint.deliveries.filter(
        status=DeliveryStatus.PENDING, next_attempt_at__lte=now, claim_token=None
    )
    waiting = due[:FASTEST].count()
    got_through = waiting <= replay.pace // 4
    replay.pace = min(FASTEST, replay.pace * 3 // 2) if got_through else max(SLOWEST, replay.pace - waiting)
    replay.looked_at = now
    return max(0, replay.pace - waiting)


def _events(replay: Replay) -> QuerySet[Event]:
    events = Event.objects.filter(
        account=replay.endpoint.account_id,
        type__in=replay.event_types,
        created_at__gte=replay.since,
        created_at__lt=replay.until,
    )
    if replay.credential_id is not None:
        events = events.filter(credential=replay.credential_id)
    if replay.only_failed:
        tried = Delivery.objects.filter(NOT_ARRIVED, endpoint=replay.endpoint_id, event=OuterRef("pk"))
        events = events.filter(Exists(tried))
    return events


def _end(replay: Replay, status: ReplayStatus, *, now: datetime) -> None:
    replay.status, replay.finished_at = status, now
    replay.save()


def _record(event_type: EventType, replay: Replay, *, actor: str, now: datetime) -> None:
    record_for_endpoint(
        event_type,
        replay.endpoint,
        actor=actor,
        now=now,
        replay_id=replay.public_id,
        since=rfc3339(replay.since),
        until=rfc3339(replay.until),
        types=replay.event_types,
        only_failed=replay.only_failed,
        credential_id=replay.credential and replay.credential.public_id,
    )

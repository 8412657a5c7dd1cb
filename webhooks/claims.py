"""Takes due deliveries from the table and brings them back: short transactions, none while HTTP is spoken.

A claim is a lease: it moves `next_attempt_at` to the end of the lease and leaves the dispatcher's token in
the row. A dispatcher that dies leaves rows that fall due again by themselves; one that was only slow finds
another's token, or none, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from credentials.errors import NotFound
from credentials.models import Event
from webhooks import endpoint_secrets, payloads
from webhooks.endpoints import disable_endpoint
from webhooks.models import KEPT_OF_RESPONSE, Attempt, Delivery, DeliveryStatus, DisabledReason, Endpoint
from webhooks.outcomes import Outcome
from webhooks.retries import next_delay
from webhooks.transport import Result

# Longer than an attempt's deadline by far; short, so that a killed dispatcher's rows resume within a minute.
LEASE = timedelta(seconds=45)
# How many may be on their way to one endpoint: a slow receiver holds up its own messages, nobody else's.
PER_ENDPOINT = 10


class Lease(NamedTuple):
    """A claimed row."""

    delivery_id: int
    event_id: int
    endpoint_id: int


@dataclass(frozen=True)
class Message:
    """All that an attempt needs, so that it never asks the database."""

    delivery_id: int
    endpoint_id: int
    url: str
    message_id: str
    body: bytes
    secrets: Sequence[bytes]


@dataclass(frozen=True)
class Sent:
    """A message and what came of this attempt."""

    message: Message
    started_at: datetime
    result: Result


def claim(*, token: str, limit: int) -> list[Message]:
    """Leases up to `limit` due deliveries to the dispatcher with this token, at most a few per endpoint."""
    now = timezone.now()
    while leased := _lease(token=token, limit=limit, now=now):
        endpoints = Endpoint.objects.in_bulk({lease.endpoint_id for lease in leased})
        wanted = [lease for lease in leased if endpoints[lease.endpoint_id].enabled]
        _cancel([lease.delivery_id for lease in leased if lease not in wanted], now=now)
        if wanted:
            return _messages(wanted, endpoints=endpoints, now=now)
    return []


def finish(sent: Sequence[Sent], *, token: str) -> None:
    """Logs every attempt, and moves on those deliveries whose lease this dispatcher still holds."""
    now = timezone.now()
    results = {one.message.delivery_id: one.result for one in sent}
    arrived = [pk for pk, result in results.items() if result.outcome == Outcome.SUCCEEDED]
    held = Delivery.objects.filter(claim_token=token)
    with transaction.atomic():
        Attempt.objects.bulk_create(_attempt(one) for one in sent)
        held.filter(pk__in=arrived).update(status=DeliveryStatus.SUCCEEDED, finished_at=now, claim_token=None)
        _reschedule(held.filter(pk__in=results.keys() - arrived), results=results, now=now)
    for endpoint in Endpoint.objects.listening().filter(pk__in=_gone(sent)):
        # Somebody may delete it in between, which serves as well.
        with suppress(NotFound):
            disable_endpoint(endpoint, actor="system", reason=DisabledReason.GONE)


# Which rows to lease, by database. PostgreSQL asks, for each endpoint, the index of what is pending, so that
# a backlog of one costs the others nothing; in no order, lest the first endpoints always come first. SQLite
# has one writer and no LATERAL, and takes the longest due of each endpoint before the next.
_DUE = {
    "postgresql": """
        SELECT due.id FROM (SELECT id FROM webhooks_endpoint ORDER BY random()) AS endpoint
        CROSS JOIN LATERAL (
            SELECT id FROM webhooks_delivery
            WHERE endpoint_id = endpoint.id AND status = 'pending' AND next_attempt_at <= %(now)s
            ORDER BY next_attempt_at
            LIMIT GREATEST(0, %(per_endpoint)s - (
                SELECT count(*) FROM webhooks_delivery AS busy
                WHERE busy.endpoint_id = endpoint.id
                AND busy.claim_token IS NOT NULL AND busy.next_attempt_at > %(now)s))
            FOR UPDATE SKIP LOCKED) AS due
        LIMIT %(limit)s""",
    "sqlite": """
        SELECT id FROM (
            SELECT id, endpoint_id,
                ROW_NUMBER() OVER (PARTITION BY endpoint_id ORDER BY next_attempt_at) AS place
            FROM webhooks_delivery WHERE status = 'pending' AND next_attempt_at <= %(now)s) AS due
        WHERE place <= %(per_endpoint)s - (
            SELECT count(*) FROM webhooks_delivery AS busy
            WHERE busy.endpoint_id = due.endpoint_id
            AND busy.claim_token IS NOT NULL AND busy.next_attempt_at > %(now)s)
        ORDER BY place LIMIT %(limit)s""",
}
# MATERIALIZED: a plan that ran the selection again would lease more than was asked for.
_LEASE = """
    WITH due AS MATERIALIZED ({due})
    UPDATE webhooks_delivery SET claim_token = %(token)s, next_attempt_at = %(lease_end)s
    WHERE id IN (SELECT id FROM due) RETURNING id, event_id, endpoint_id"""


def _lease(*, token: str, limit: int, now: datetime) -> list[Lease]:
    adapted = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(
            _LEASE.format(due=_DUE[connection.vendor]),
            {
                "now": adapted(now),
                "lease_end": adapted(now + LEASE),
                "token": token,
                "per_endpoint": PER_ENDPOINT,
                "limit": limit,
            },
        )
        return [Lease(*row) for row in cursor.fetchall()]


def _cancel(unwanted: list[int], *, now: datetime) -> None:
    """Calls off what was written while its endpoint was being disabled or deleted."""
    Delivery.objects.filter(pk__in=unwanted).update(
        status=DeliveryStatus.CANCELLED, finished_at=now, claim_token=None
    )


def _messages(leased: list[Lease], *, endpoints: Mapping[int, Endpoint], now: datetime) -> list[Message]:
    events = Event.objects.in_bulk({lease.event_id for lease in leased})
    bodies = {pk: payloads.body(event) for pk, event in events.items()}
    keys = endpoint_secrets.live_keys([endpoints[lease.endpoint_id] for lease in leased], now=now)
    return [
        Message(
            delivery_id=lease.delivery_id,
            endpoint_id=lease.endpoint_id,
            url=endpoints[lease.endpoint_id].url,
            message_id=payloads.message_id(events[lease.event_id]),
            body=bodies[lease.event_id],
            secrets=keys[lease.endpoint_id],
        )
        for lease in leased
    ]


def _attempt(sent: Sent) -> Attempt:
    # PostgreSQL keeps no NUL in a text.
    answer = sent.result.excerpt.decode(errors="replace").replace("\0", "\ufffd")
    return Attempt(
        delivery_id=sent.message.delivery_id,
        started_at=sent.started_at,
        duration_ms=sent.result.duration_ms,
        outcome=sent.result.outcome,
        response_status=sent.result.status,
        response_excerpt=answer[:KEPT_OF_RESPONSE],
    )


def _reschedule(failed: QuerySet[Delivery], *, results: Mapping[int, Result], now: datetime) -> None:
    deliveries = list(failed.order_by("pk").select_for_update())
    for delivery in deliveries:
        result = results[delivery.pk]
        delivery.claim_token = None
        delivery.failures += 1
        delay = next_delay(failures=delivery.failures, retry_after=result.retry_after)
        if delay is None or result.outcome == Outcome.GONE:
            delivery.status, delivery.finished_at = DeliveryStatus.FAILED, now
        else:
            delivery.next_attempt_at = now + delay
    Delivery.objects.bulk_update(
        deliveries, ["status", "failures", "next_attempt_at", "finished_at", "claim_token"]
    )


def _gone(sent: Sequence[Sent]) -> set[int]:
    return {one.message.endpoint_id for one in sent if one.result.outcome == Outcome.GONE}

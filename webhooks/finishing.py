"""Brings claimed deliveries back: what came of each attempt, and what becomes of the delivery."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from credentials.copying import copy_rows
from webhooks import health
from webhooks.claims import Message
from webhooks.leases import UNHURRIED
from webhooks.look_ups import among
from webhooks.models import KEPT_OF_RESPONSE, Attempt, DeliveryStatus
from webhooks.outcomes import Outcome
from webhooks.patience import patiently
from webhooks.retries import next_delay
from webhooks.transport import Result


@dataclass(frozen=True, slots=True)
class Sent:
    """A message and what came of this attempt."""

    message: Message
    started_at: datetime
    result: Result


def finish(sent: Sequence[Sent], *, token: str) -> None:
    """Logs every attempt, and moves on those deliveries whose lease this dispatcher still holds.

    While the database is away it waits: answers that were not written would be asked for once more.
    """
    now = timezone.now()
    # Each by itself, lest the attempts be logged again because their endpoints could not be noted.
    patiently(partial(_bring_back, sent, token=token, now=now))
    patiently(partial(_note, sent, now=now))


def _bring_back(sent: Sequence[Sent], *, token: str, now: datetime) -> None:
    with transaction.atomic():
        _log(sent)
        _succeed([one.message.delivery_id for one in sent if _arrived(one)], token=token, now=now)
        _reschedule([one for one in sent if not _arrived(one)], token=token, now=now)


_COLUMNS = ("delivery_id", "started_at", "duration_ms", "outcome", "response_status", "response_excerpt")


def _log(sent: Sequence[Sent]) -> None:
    rows = [_attempt(one) for one in sent]
    if connection.vendor == "postgresql":
        # A quarter of what an INSERT by the ORM costs.
        copy_rows(Attempt._meta.db_table, _COLUMNS, rows)
    else:
        Attempt.objects.bulk_create([Attempt(**dict(zip(_COLUMNS, row, strict=True))) for row in rows])


def _attempt(sent: Sent) -> tuple[object, ...]:
    """The values of `_COLUMNS`."""
    result = sent.result
    # PostgreSQL keeps no NUL in a text.
    answer = result.excerpt.decode(errors="replace").replace("\0", "\ufffd")[:KEPT_OF_RESPONSE]
    delivery_id = sent.message.delivery_id
    return delivery_id, sent.started_at, result.duration_ms, result.outcome.value, result.status, answer


def _arrived(sent: Sent) -> bool:
    return sent.result.outcome == Outcome.SUCCEEDED


def _succeed(arrived: list[int], *, token: str, now: datetime) -> None:
    condition, listed = among(arrived)
    with connection.cursor() as cursor:
        adapted = connection.ops.adapt_datetimefield_value(now)
        succeed = _SUCCEED.format(among=condition, unhurried=UNHURRIED[connection.vendor])
        cursor.execute(succeed, [adapted, listed, token])


_SUCCEED = """
    UPDATE webhooks_delivery
    SET status = 'succeeded', finished_at = %s, claim_token = NULL, claimed_until = NULL, alone = FALSE
    WHERE id {among} AND claim_token = %s AND {unhurried}"""


def _reschedule(failed: Sequence[Sent], *, token: str, now: datetime) -> None:
    rows = [_next(one, token=token, now=now) for one in failed]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_RESCHEDULE, rows)


_RESCHEDULE = """
    UPDATE webhooks_delivery
    SET status = %(status)s, failures = %(failures)s, finished_at = %(finished_at)s,
        next_attempt_at = %(next_attempt_at)s, claim_token = NULL, claimed_until = NULL, alone = FALSE
    WHERE id = %(id)s AND claim_token = %(token)s"""


def _next(sent: Sent, *, token: str, now: datetime) -> dict[str, Any]:
    """What a failed attempt makes of its delivery: another attempt later, or the end.

    After a 410 as well: it disables the endpoint, which calls the delivery off, unless it came from a former
    URL. Then the present one is tried.
    """
    failures = sent.message.failures + 1
    delay = next_delay(failures=failures, retry_after=sent.result.retry_after)
    adapted = connection.ops.adapt_datetimefield_value
    return {
        "id": sent.message.delivery_id,
        "token": token,
        "failures": failures,
        "status": (DeliveryStatus.FAILED if delay is None else DeliveryStatus.PENDING).value,
        "finished_at": adapted(now) if delay is None else None,
        "next_attempt_at": adapted(now if delay is None else now + delay),
    }


def _note(sent: Sequence[Sent], *, now: datetime) -> None:
    noted: defaultdict[int, list[health.Noted]] = defaultdict(list)
    for one in sent:
        message, result = one.message, one.result
        noted[message.endpoint_id].append(
            health.Noted(one.started_at, result.outcome, result.status, message.url, result.retry_after)
        )
    health.note(noted, failing={one.message.endpoint_id for one in sent if one.message.failing}, now=now)

"""How endpoints fare: what their attempts come to, and what follows from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from credentials.event_types import EventType
from credentials.timestamps import rfc3339
from webhooks import breaker, notices
from webhooks.endpoints import disable_endpoint
from webhooks.models import DisabledReason, Endpoint, NoticeKind
from webhooks.outcomes import Outcome
from webhooks.trail import record_for_endpoint

ACTOR = "system"

_NOTICES = {DisabledReason.GONE: NoticeKind.GONE, DisabledReason.FAILING: NoticeKind.GIVEN_UP}


class Noted(NamedTuple):
    """How one attempt ended: `at` is when it began, as the attempt's row has it, `url` where it went.

    `retry_after` is in seconds.
    """

    at: datetime
    outcome: Outcome
    response_status: int | None
    url: str
    retry_after: int | None = None

    @property
    def asked(self) -> timedelta:
        """How long the receiver wants to be left alone; with other statuses it speaks of one message only."""
        speaks_of_itself = self.response_status in (429, 503)
        return timedelta(seconds=self.retry_after or 0) if speaks_of_itself else timedelta()


def note(outcomes: Mapping[int, Sequence[Noted]], *, failing: Collection[int], now: datetime) -> None:
    """Learns from the attempts of a batch, by endpoint's primary key and in the order in which they ended.

    `failing` names the endpoints whose `failing_since` was set when the batch was claimed: of all others,
    successes tell nothing new and cost no query. Called after the transaction that finishes the deliveries:
    it locks endpoints, and whoever disables one locks the endpoint first and its deliveries second.
    """
    theirs = {pk: _theirs(noted) for pk, noted in outcomes.items()}
    telling = {pk: noted for pk, noted in theirs.items() if _failures(noted) or (noted and pk in failing)}
    if not telling:
        return
    for endpoint, noted in _follow_all(telling, now=now):
        failures = _failures(noted)
        gone = [one for one in failures if one.outcome == Outcome.GONE]
        if gone:
            _give_up(endpoint, DisabledReason.GONE, last=gone[-1], now=now)
        elif failures and breaker.has_failed_for(endpoint, breaker.DISABLE_AFTER, now=now):
            _give_up(endpoint, DisabledReason.FAILING, last=failures[-1], now=now)


def _theirs(noted: Sequence[Noted]) -> list[Noted]:
    """What says something of the endpoint, and not of a fault on this side."""
    return [one for one in noted if one.outcome != Outcome.INTERNAL_ERROR]


def _failures(noted: Sequence[Noted]) -> list[Noted]:
    return [one for one in noted if one.outcome != Outcome.SUCCEEDED]


def _follow_all(
    telling: Mapping[int, Sequence[Noted]], *, now: datetime
) -> list[tuple[Endpoint, list[Noted]]]:
    """Writes down how these endpoints fare; those that are still sent to, as they stand now, and why."""
    columns = ("failing_since", "consecutive_failures", "told_of", "paused_until")
    listening = Endpoint.objects.listening().select_related("account").filter(pk__in=telling)
    with transaction.atomic():
        endpoints = list(listening.order_by("pk").select_for_update(of=("self",), no_key=True))
        followed = [
            (endpoint, noted) for endpoint in endpoints if (noted := _about(endpoint, telling[endpoint.pk]))
        ]
        for endpoint, noted in followed:
            _follow(endpoint, noted, now=now)
        Endpoint.objects.bulk_update(endpoints, columns)
    return followed


def _about(endpoint: Endpoint, noted: Sequence[Noted]) -> list[Noted]:
    """Without what is late: answers of a former URL, and to what was sent before somebody last changed it."""
    return [one for one in noted if one.url == endpoint.url and one.at >= endpoint.updated_at]


def _follow(endpoint: Endpoint, noted: Sequence[Noted], *, now: datetime) -> None:
    was_paused = endpoint.paused(now)
    for one in noted:
        if one.outcome != Outcome.SUCCEEDED:
            breaker.fail(endpoint, at=one.at)
            breaker.leave_alone(endpoint, asked=one.asked, now=now)
        # Nothing is sent during a pause: what arrives then was on its way before, and does not end it.
        elif not endpoint.paused(now):
            _recover(endpoint, now=now)
    if not breaker.has_failed_for(endpoint, breaker.PATIENCE, now=now):
        return
    if not was_paused:
        breaker.pause(endpoint, now=now)
    if failures := _failures(noted):
        _warn(endpoint, last=failures[-1], now=now)


def _warn(endpoint: Endpoint, *, last: Noted, now: datetime) -> None:
    if not endpoint.told:
        _tell(EventType.WEBHOOK_ENDPOINT_FAILING, endpoint, now=now, last_outcome=last.outcome.value)
        endpoint.told_of = endpoint.failing_since
    if breaker.has_failed_for(endpoint, breaker.WARN_AFTER, now=now):
        _owe(NoticeKind.FAILING, endpoint, last=last, now=now)


def _recover(endpoint: Endpoint, *, now: datetime) -> None:
    # A short failure, of which nobody was told, ends as silently.
    if endpoint.told:
        _tell(EventType.WEBHOOK_ENDPOINT_RECOVERED, endpoint, now=now)
    breaker.succeed(endpoint)


def _give_up(endpoint: Endpoint, reason: DisabledReason, *, last: Noted, now: datetime) -> None:
    with transaction.atomic():
        # Somebody may have changed it in between, and knows better.
        unchanged = Endpoint.objects.filter(pk=endpoint.pk, updated_at=endpoint.updated_at)
        if unchanged.select_for_update(no_key=True).first():
            disabled = disable_endpoint(endpoint, actor=ACTOR, reason=reason)
            _owe(_NOTICES[reason], disabled, last=last, now=now)


def _tell(event_type: EventType, endpoint: Endpoint, *, now: datetime, **data: object) -> None:
    since = rfc3339(endpoint.failing_since)
    record_for_endpoint(event_type, endpoint, actor=ACTOR, now=now, failing_since=since, **data)


def _owe(kind: NoticeKind, endpoint: Endpoint, *, last: Noted, now: datetime) -> None:
    # Beside a 410, another attempt may have succeeded.
    since = endpoint.failing_since or last.at
    notices.owe(
        kind, endpoint, since=since, outcome=last.outcome, response_status=last.response_status, now=now
    )

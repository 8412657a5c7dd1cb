"""Sends to Google what it is owed: the rows say what is due, an answer says what becomes of it.

A later state must never be overwritten by an earlier one. So one request about an object is under way at a
time, its content is read after that is certain, and a change that comes meanwhile leaves the object due.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from redemption.google import quota
from redemption.google.classes import insert_class
from redemption.google.design import class_body, without_unset
from redemption.google.errors import GoogleFailure, Missing, NotInvited, OverQuota, Rejected, Unreachable
from redemption.google.issuers import note_refusal, note_success
from redemption.google.pass_content import object_body
from redemption.google.rest import Google
from redemption.models import GoogleClass, GoogleIssuer, GooglePass
from redemption.models.google import KEPT_OF_ERROR

logger = logging.getLogger(__name__)

ACTOR = "google"
MOST_IN_A_RUN = 500
# Longer than a request can take with its token and its turns, so that a sender that died has none under way.
LEASE = timedelta(minutes=5)
# A request that was not answered may still arrive; for so long none follows it.
STRAGGLING = timedelta(minutes=1)
# By what went wrong: the first delay, which doubles with every attempt, and the longest.
DELAYS: dict[type[GoogleFailure], tuple[timedelta, timedelta]] = {
    Unreachable: (timedelta(seconds=5), timedelta(hours=1)),
    OverQuota: (timedelta(seconds=5), timedelta(hours=1)),
    NotInvited: (timedelta(minutes=1), timedelta(hours=1)),
    GoogleFailure: (timedelta(minutes=15), timedelta(hours=6)),
}

# After these the issuer's other rows would only meet the same.
SILENCES = (Unreachable, OverQuota, NotInvited)

Row = TypeVar("Row", GoogleClass, GooglePass)


def send_due() -> int:
    """Sends what is due, classes before the cards that they lay out; how many Google took.

    An issuer for whom Google does nothing at the moment is left alone for the rest of the run.
    """
    silent: set[int] = set()
    return _send_all(CLASSES, silent=silent) + _send_all(PASSES, silent=silent)


@dataclass(frozen=True)
class Owed(Generic[Row]):
    """Rows that are owed to Google: their model, the way to their issuer, how one is sent."""

    model: type[Row]
    issuer: str
    related: tuple[str, ...]
    send: Callable[[Row, Google], None]


def _send_all(owed: Owed[Row], *, silent: set[int]) -> int:
    sent = 0
    for _ in range(MOST_IN_A_RUN):
        if (row := _lease(owed, besides=silent)) is None:
            break
        issuer = _issuer(row)
        try:
            owed.send(row, Google(issuer, take_turn=quota.background))
        except GoogleFailure as failure:
            _postpone(row, failure)
            if isinstance(failure, SILENCES):
                silent.add(issuer.pk)
            if isinstance(failure, NotInvited):
                note_refusal(issuer, sentence=failure.sentence, actor=ACTOR)
        else:
            _settle(row)
            if issuer.refused_at is not None:
                note_success(issuer)
            sent += 1
    return sent


def _lease(owed: Owed[Row], *, besides: Iterable[int]) -> Row | None:
    """Takes one due row for this sender alone, until the lease runs out, as it is from then on.

    The newest first: a revocation does not wait behind a design that all cards are told of.
    """
    now = timezone.now()
    free = Q(sending_until=None) | Q(sending_until__lte=now)
    rows = owed.model._default_manager
    with transaction.atomic():
        due = rows.filter(free, patch_due_at__lte=now).exclude(**{f"{owed.issuer}__in": list(besides)})
        due = due.order_by("-patch_due_at", "-pk").select_for_update(
            of=("self",), skip_locked=True, no_key=True
        )
        if (taken := due.values_list("pk", flat=True).first()) is None:
            return None
        rows.filter(pk=taken).update(sending_until=now + LEASE, patch_attempts=F("patch_attempts") + 1)
    return rows.select_related(*owed.related).get(pk=taken)


def _send_class(google_class: GoogleClass, google: Google) -> None:
    body = class_body(google_class)
    try:
        google.patch_class(body["id"], body)
    except Missing:
        google.put_class(without_unset(body))
    sent = GoogleClass.objects.filter(pk=google_class.pk)
    sent.update(sent_version=google_class.credential_type.version)


def _send_pass(google_pass: GooglePass, google: Google) -> None:
    body = object_body(google_pass.wallet_pass, google_class=google_pass.google_class, now=timezone.now())
    try:
        google.patch_object(body["id"], body)
    except Missing:
        insert_class(google_pass.google_class, google=google)
        google.put_object(without_unset(body))


CLASSES = Owed(GoogleClass, issuer="issuer", related=("issuer__account", "credential_type"), send=_send_class)
PASSES = Owed(
    GooglePass,
    issuer="google_class__issuer",
    related=(
        *("google_class__issuer__account", "google_class__credential_type", "wallet_pass__value_key"),
        *("wallet_pass__credential__person", "wallet_pass__credential__account"),
        "wallet_pass__credential__credential_type",
    ),
    send=_send_pass,
)


def _issuer(row: GoogleClass | GooglePass) -> GoogleIssuer:
    return row.issuer if isinstance(row, GoogleClass) else row.google_class.issuer


def _settle(row: GoogleClass | GooglePass) -> None:
    _finish(row, due=None, attempts=0, patched_at=timezone.now(), patch_error="", sending_until=None)


def _postpone(row: GoogleClass | GooglePass, failure: GoogleFailure) -> None:
    now = timezone.now()
    if isinstance(failure, Rejected):
        name = row.class_id if isinstance(row, GoogleClass) else row.object_id
        logger.error("Google rejects %s: %s", name, failure.sentence)
    _finish(
        row,
        due=now + _delay(failure, attempts=row.patch_attempts),
        attempts=row.patch_attempts,
        patch_error=failure.sentence[:KEPT_OF_ERROR],
        sending_until=now + STRAGGLING if _may_still_arrive(failure) else None,
    )


def _finish(row: GoogleClass | GooglePass, *, due: datetime | None, attempts: int, **columns: object) -> None:
    """Gives the row back; due again at `due`, unless a change came meanwhile and has made it due at once."""
    leased = type(row)._default_manager.filter(pk=row.pk, sending_until=row.sending_until)
    # Whatever owes a row begins its attempts anew.
    unchanged = leased.filter(patch_due_at=row.patch_due_at, patch_attempts=row.patch_attempts)
    if not unchanged.update(patch_due_at=due, patch_attempts=attempts, **columns):
        leased.update(**columns)


def _delay(failure: GoogleFailure, *, attempts: int) -> timedelta:
    """Ever longer: from seconds when Google could not be reached, from minutes after a no."""
    first, longest = next(delays for kind, delays in DELAYS.items() if isinstance(failure, kind))
    return min(max(first * (1 << min(attempts - 1, 12)), failure.retry_after or first), longest)


def _may_still_arrive(failure: GoogleFailure) -> bool:
    """Whether the request went out and was not answered: Google may take it any moment, or never."""
    if not isinstance(failure, Unreachable) or failure.status is not None:
        return False
    cause = failure.__cause__
    reason = getattr(cause.args[0], "reason", None) if cause is not None and cause.args else None
    return not isinstance(reason, NewConnectionError | ConnectTimeoutError)

"""Google takes 20 requests a second for an issuer: all processes take their turns from the issuer's row."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Now

from redemption.google.errors import OverQuota
from redemption.models import GoogleIssuer

# Waits until one request may be sent; raises `OverQuota` rather than wait too long.
TakeTurn = Callable[[GoogleIssuer], None]

# Google, FAQ of the Wallet API: 20 requests per second.
INTERVAL = timedelta(seconds=1) / 20
# Work in the background leaves room for people who wait.
BACKGROUND_INTERVAL = timedelta(seconds=1) / 15
PATIENCE = timedelta(seconds=3)
BACKGROUND_PATIENCE = timedelta(seconds=20)
# So long the background lets everybody else go first; then it queues like them, or it might never get a turn.
POLITE_FOR = timedelta(seconds=5)


def interactive(issuer: GoogleIssuer) -> None:
    """Takes the next turn, for somebody who waits. Raises `OverQuota` at once if that is seconds away."""
    turn = _book(issuer, interval=INTERVAL, patience=PATIENCE)
    if not turn.is_booked:
        raise _over_quota(turn.wait)
    time.sleep(turn.wait.total_seconds())


def background(issuer: GoogleIssuer) -> None:
    """Takes a turn that nobody else wants, waiting for one if need be. Raises `OverQuota` in the end."""
    polite_until = time.monotonic() + POLITE_FOR.total_seconds()
    while True:
        is_polite = time.monotonic() < polite_until
        patience = BACKGROUND_INTERVAL if is_polite else BACKGROUND_PATIENCE
        turn = _book(issuer, interval=BACKGROUND_INTERVAL, patience=patience)
        if not turn.is_booked and not is_polite:
            raise _over_quota(turn.wait)
        time.sleep(turn.wait.total_seconds())
        if turn.is_booked:
            return


@dataclass(frozen=True)
class Turn:
    """How far away the next turn is, and whether it was booked."""

    wait: timedelta
    is_booked: bool


def next_turn(booked_until: datetime | None, *, now: datetime, patience: timedelta) -> Turn:
    """The next free turn, given until when turns are booked (GCRA without bursts)."""
    wait = max((booked_until or now) - now, timedelta())
    # Nobody books so far ahead: the clock was set back since.
    if wait > BACKGROUND_PATIENCE + BACKGROUND_INTERVAL:
        wait = timedelta()
    return Turn(wait, is_booked=wait <= patience)


@transaction.atomic
def _book(issuer: GoogleIssuer, *, interval: timedelta, patience: timedelta) -> Turn:
    # The clock is the database's, since hosts differ by more than an interval.
    row = GoogleIssuer.objects.filter(pk=issuer.pk).select_for_update(no_key=True)
    booked_until, now = row.values_list("next_request_at", Now()).get()
    turn = next_turn(booked_until, now=now, patience=patience)
    if turn.is_booked:
        GoogleIssuer.objects.filter(pk=issuer.pk).update(next_request_at=now + turn.wait + interval)
    return turn


def _over_quota(wait: timedelta) -> OverQuota:
    return OverQuota("Too many requests to Google are waiting for their turn.", retry_after=wait)

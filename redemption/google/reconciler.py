"""Asks Google whether passes are in a wallet: after a message, and where a message may have been lost."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from credentials.errors import Unavailable
from credentials.states import Evidence, PassState
from redemption.google import evidence, quota, updates
from redemption.google.errors import GoogleFailure, Missing, NotInvited, Rejected
from redemption.google.issuers import note_refusal
from redemption.google.rest import Google
from redemption.models import GoogleIssuer, GooglePass

logger = logging.getLogger(__name__)

BATCH = 50
# A reconciler that dies, or that Google does not answer, leaves its passes due again after this.
LEASE = timedelta(minutes=5)
# Seconds: a run ends then, and the next one goes on. Work of other kinds must not wait for it.
LONGEST_RUN = 20.0


def reconcile_due() -> int:
    """Asks about the passes that are due, those first that have waited longest; how many answers there were.

    The issuers take turns, in another order in every run, so that a large one leaves time for the others. One
    whom Google does not answer is left alone until the next run.
    """
    until = time.monotonic() + LONGEST_RUN
    _due().filter(wallet_pass__state=PassState.VOIDED).update(check_due_at=None)
    asked_about = _due().values("google_class__issuer")
    waiting = list(GoogleIssuer.objects.filter(pk__in=asked_about, private_key__isnull=False).order_by("?"))
    answered = 0
    while waiting and time.monotonic() < until:
        issuer = waiting.pop(0)
        if passes := _lease(issuer):
            answers = look(passes, issuer=issuer, by=Evidence.RECONCILED)
            answered += answers
            waiting += [issuer] if answers == len(passes) else []
    return answered


def look(passes: Sequence[GooglePass], *, issuer: GoogleIssuer, by: Evidence) -> int:
    """Asks Google about passes of an issuer and believes it; how many it had an answer for.

    No transaction is open meanwhile. Where Google does not answer, the rest is left for another time.
    """
    answered = 0
    try:
        google = Google(issuer, take_turn=quota.background)
        for google_pass in passes:
            _look_or_log(google_pass, google=google, by=by)
            answered += 1
    except GoogleFailure as failure:
        logger.warning("Google does not say who has passes of %s: %s", issuer.issuer_id, failure.sentence)
        if isinstance(failure, NotInvited):
            note_refusal(issuer, sentence=failure.sentence, actor=evidence.ACTOR)
    return answered


def look_now(google_pass: GooglePass, *, actor: str) -> None:
    """An admin asks. Raises `Unavailable` with what Google says instead of an answer."""
    google = Google(google_pass.google_class.issuer, take_turn=quota.interactive)
    logger.info("%s asks Google who has %s", actor, google_pass.object_id)
    try:
        _look(google_pass, google=google, by=Evidence.RECONCILED)
    except GoogleFailure as failure:
        raise Unavailable(failure.sentence) from failure


def _due() -> QuerySet[GooglePass]:
    return GooglePass.objects.filter(check_due_at__lte=timezone.now())


def _lease(issuer: GoogleIssuer) -> list[GooglePass]:
    """Takes a batch of an issuer's due passes for this reconciler alone, until the lease runs out."""
    with transaction.atomic():
        due = _due().filter(google_class__issuer=issuer).order_by("check_due_at", "pk")
        rows = due.select_for_update(of=("self",), skip_locked=True, no_key=True)
        pks = list(rows.values_list("pk", flat=True)[:BATCH])
        GooglePass.objects.filter(pk__in=pks).update(check_due_at=timezone.now() + LEASE)
    found = GooglePass.objects.select_related("wallet_pass", "google_class__issuer").in_bulk(pks)
    return [found[pk] for pk in pks]


def _look_or_log(google_pass: GooglePass, *, google: Google, by: Evidence) -> None:
    """Raises a `GoogleFailure` that the next pass would meet too; what is wrong with one stops no other."""
    try:
        _look(google_pass, google=google, by=by)
    except Rejected as failure:
        logger.error("Google does not say who has %s: %s", google_pass.object_id, failure.sentence)
    except GoogleFailure:
        raise
    except Exception:
        logger.exception("what Google says of %s could not be made true", google_pass.object_id)


def _look(google_pass: GooglePass, *, google: Google, by: Evidence) -> None:
    asked_at = timezone.now()
    try:
        has_users = google.get_object(google_pass.object_id).get("hasUsers") is True
    except Missing:
        _put_back(google_pass)
        return
    with transaction.atomic():
        held, current = evidence.hold(google_pass.pk)
        # Somebody asked later and was faster: that answer is the newer one.
        if current.checked_at is None or current.checked_at <= asked_at:
            evidence.believe(held, current, has_users=has_users, by=by)


def _put_back(google_pass: GooglePass) -> None:
    """Google does not know an object that we inserted, and nothing is ever deleted there: it is sent anew."""
    logger.error("Google does not know %s; it is sent again", google_pass.object_id)
    updates.owe(GooglePass.objects.filter(pk=google_pass.pk), now=timezone.now())

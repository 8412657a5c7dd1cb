"""Settles Google's messages: each is counted once, under the lock of its pass, and then Google is asked."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from credentials import doorbell
from credentials.states import Evidence, PassState
from redemption.google import evidence, reconciler
from redemption.google.callbacks import SAVE, SETTLE
from redemption.models import GoogleIssuer, GoogleMessage, GooglePass

logger = logging.getLogger(__name__)

BATCH = 100
# A settler that dies leaves its messages due again after this.
LEASE = timedelta(minutes=2)
# How long to wait for an object that we do not know: its message may precede our own commit.
UNKNOWN = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=5))
LONGEST_DELAY = timedelta(hours=1)
# Well past the time for which Google may send a message again.
KEPT = timedelta(days=90)
FORGOTTEN_AT_ONCE = 1_000


def settle_due() -> int:
    """Settles every message that is due; how many were counted.

    All are counted before Google is asked about the first: a Google that is slow to answer delays no report.
    """
    settled: list[GooglePass] = []
    while messages := _lease():
        settled += [found for message in messages if (found := _settle_or_postpone(message)) is not None]
    _ask_about({found.pk: found for found in settled}.values())
    return len(settled)


def look_again(message: GoogleMessage, *, actor: str) -> None:
    """An admin has the object of a quarantined message looked for once more."""
    logger.info("%s has message %s looked at again", actor, message.nonce)
    quarantined = GoogleMessage.objects.filter(pk=message.pk, status=GoogleMessage.Status.QUARANTINED)
    quarantined.update(
        status=GoogleMessage.Status.PENDING, due_at=timezone.now(), settled_at=None, attempts=0, remark=""
    )
    doorbell.ring(SETTLE)


def forget_old() -> int:
    """Deletes messages that cannot come again and that nobody has to act on; how many there were."""
    forgotten = 0
    old = GoogleMessage.objects.filter(received_at__lt=timezone.now() - KEPT)
    old = old.exclude(status=GoogleMessage.Status.PENDING).order_by("received_at")
    while pks := list(old.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]):
        forgotten += GoogleMessage.objects.filter(pk__in=pks).delete()[0]
    return forgotten


def _lease() -> list[GoogleMessage]:
    """Takes a batch of due messages for this settler alone, until the lease runs out."""
    now = timezone.now()
    with transaction.atomic():
        due = GoogleMessage.objects.filter(due_at__lte=now).order_by("due_at", "pk")
        rows = due.select_related("issuer").select_for_update(of=("self",), skip_locked=True, no_key=True)
        messages = list(rows[:BATCH])
        GoogleMessage.objects.filter(pk__in=[message.pk for message in messages]).update(
            due_at=now + LEASE, attempts=F("attempts") + 1
        )
    for message in messages:
        message.due_at, message.attempts = now + LEASE, message.attempts + 1
    return messages


def _settle_or_postpone(message: GoogleMessage) -> GooglePass | None:
    """The pass that it was counted for, if it was; whatever is wrong with one stops no other."""
    try:
        return _settle(message)
    except Exception:
        logger.exception("message %s of Google's could not be settled", message.nonce)
        _finish(message, due_at=timezone.now() + min(LEASE * message.attempts, LONGEST_DELAY))
        return None


def _settle(message: GoogleMessage) -> GooglePass | None:
    issuer_id, _, serial_number = message.object_id.partition(".")
    if issuer_id != message.issuer.issuer_id:
        _quarantine(message, remark="It names an object of another issuer.")
        return None
    passes = GooglePass.objects.filter(google_class__issuer=message.issuer)
    found = passes.filter(wallet_pass__serial_number=serial_number).first()
    if found is None:
        _wait_for_object(message)
        return None
    return found if _count(message, found.pk) else None


def _wait_for_object(message: GoogleMessage) -> None:
    if message.attempts > len(UNKNOWN):
        _quarantine(message, remark="It names an object that was never made here.")
    else:
        _finish(message, due_at=timezone.now() + UNKNOWN[message.attempts - 1])


@transaction.atomic
def _count(message: GoogleMessage, pk: int) -> bool:
    """Counts the message for its pass; false when another settler has done so."""
    held, google_pass = evidence.hold(pk)
    is_save = message.event_type == SAVE
    is_second = is_save and held.state == PassState.INSTALLED and google_pass.saves > google_pass.removals
    remark = "It was saved once more, and no removal is known." if is_second else ""
    if not _end(message, status=GoogleMessage.Status.SETTLED, google_pass=google_pass, remark=remark):
        return False
    if is_second:
        logger.warning("%s was saved once more, and no removal is known", message.object_id)
    if is_save:
        evidence.count_save(held, google_pass)
    else:
        evidence.count_removal(google_pass)
    return True


def _ask_about(passes: Iterable[GooglePass]) -> None:
    """Asks about each pass once, however many messages named it."""
    rows = GooglePass.objects.select_related("wallet_pass", "google_class__issuer")
    rows = rows.filter(pk__in=[one.pk for one in passes]).exclude(wallet_pass__state=PassState.VOIDED)
    by_issuer: dict[GoogleIssuer, list[GooglePass]] = {}
    for google_pass in rows:
        by_issuer.setdefault(google_pass.google_class.issuer, []).append(google_pass)
    for issuer, of_issuer in by_issuer.items():
        reconciler.look(of_issuer, issuer=issuer, by=Evidence.CALLBACK)


def _quarantine(message: GoogleMessage, *, remark: str) -> None:
    if _end(message, status=GoogleMessage.Status.QUARANTINED, remark=remark):
        logger.error("message %s of Google's is quarantined: %s", message.nonce, remark)


def _end(message: GoogleMessage, **columns: object) -> bool:
    return _finish(message, due_at=None, settled_at=timezone.now(), **columns)


def _finish(message: GoogleMessage, *, due_at: datetime | None, **columns: object) -> bool:
    """Writes what became of it, only while the lease is ours."""
    ours = GoogleMessage.objects.filter(
        pk=message.pk, status=GoogleMessage.Status.PENDING, due_at=message.due_at
    )
    return ours.update(due_at=due_at, **columns) == 1

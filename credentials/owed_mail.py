"""Keeps the promise of a mail: leased while it is sent, tried again for hours while no server takes it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import TypeVar

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from credentials.errors import Refusal
from credentials.models import OwedMail

logger = logging.getLogger(__name__)

# After the first failure, and twice as long after each further one.
FIRST_DELAY = timedelta(minutes=1)
MOST_ATTEMPTS = 8
# A worker that dies while it sends leaves the mail due again after this.
LEASE = timedelta(minutes=5)
# Of the server, the way to it, and mails that cannot be written; all else is a fault of ours.
_EXPECTED = (SMTPException, OSError, ValueError)

Owed = TypeVar("Owed", bound=OwedMail)
# Called with the row, and with why it was given up or, once the server has the mail, an empty text.
Settle = Callable[[Owed, str], object]


def send_due(
    owed: QuerySet[Owed], *, send: Callable[[Owed], None], settle: Settle[Owed] | None = None
) -> int:
    """Calls `send` for each row that is due; how many mails were handed to the mail server.

    A row is given up when its `send` raises a `Refusal`, or a `ValueError` for a mail that cannot be written,
    and when the server refuses it for good; after any other error it is due again later, a few times.
    `settle` is called in the transaction that ends a row.
    """
    sent = 0
    while (row := _lease_one(owed)) is not None:
        sent += _try(row, send=send, settle=settle)
    return sent


def _lease_one(owed: QuerySet[Owed]) -> Owed | None:
    now = timezone.now()
    with transaction.atomic():
        due = owed.filter(due_at__lte=now, sent_at=None, failed_at=None).order_by("due_at")
        row = due.select_for_update(skip_locked=True, of=("self",)).first()
        if row is not None:
            row.attempts += 1
            owed.filter(pk=row.pk).update(due_at=now + LEASE, attempts=F("attempts") + 1)
    return row


def _try(row: Owed, *, send: Callable[[Owed], None], settle: Settle[Owed] | None) -> bool:
    reason = ""
    try:
        send(row)
    except Refusal as refusal:
        reason = refusal.sentence
    except Exception as error:
        if isinstance(error, _EXPECTED):
            # The class and the code alone: a server's words may quote the mail, and with it a secret.
            logger.warning("%s could not be mailed: %s", row, _kind(error))
        else:
            logger.exception("%s could not be mailed", row)
        reason = _refusal(error)
        if not reason:
            reason = _kind(error)
            _note(row, due_at=timezone.now() + FIRST_DELAY * 2 ** (row.attempts - 1), last_error=reason)
            if row.attempts < MOST_ATTEMPTS:
                return False
    _end(row, reason=reason, settle=settle)
    return not reason


def _refusal(error: Exception) -> str:
    """Why no server will ever take this mail: an answer 5yz is for good (RFC 5321, section 4.2.1)."""
    if isinstance(error, ValueError):
        return f"This mail cannot be written ({_kind(error)})."
    code = _code(error)
    if not 500 <= code < 600:
        return ""
    if isinstance(error, SMTPRecipientsRefused):
        return f"The mail server refuses this address ({code})."
    # Whatever else it refuses may be a setting that the operator is about to mend.
    return f"The mail server refuses this mail ({code})." if isinstance(error, SMTPDataError) else ""


def _kind(error: Exception) -> str:
    code = _code(error)
    return f"{type(error).__name__} {code}" if code else type(error).__name__


def _code(error: Exception) -> int:
    if isinstance(error, SMTPRecipientsRefused):
        return max((code for code, _ in error.recipients.values()), default=0)
    return error.smtp_code if isinstance(error, SMTPResponseException) else 0


def _end(row: Owed, *, reason: str, settle: Settle[Owed] | None) -> None:
    ended = "failed_at" if reason else "sent_at"
    with transaction.atomic():
        _note(row, last_error=reason, **{ended: timezone.now()})
        if settle is not None:
            settle(row, reason)


def _note(row: OwedMail, **columns: object) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**columns)

"""Keeps the promise of a mail: leased while it is sent, tried again for hours while no server takes it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPException
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

Owed = TypeVar("Owed", bound=OwedMail)


def send_due(owed: QuerySet[Owed], *, send: Callable[[Owed], None]) -> int:
    """Calls `send` for each row that is due; how many mails were handed to the mail server.

    A row whose `send` raises a `Refusal` is given up; after any error of the server it is due again later.
    """
    sent = 0
    while (row := _lease_one(owed)) is not None:
        sent += _try(row, send=send)
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


def _try(row: Owed, *, send: Callable[[Owed], None]) -> bool:
    try:
        send(row)
    except Refusal as refusal:
        _note(row, failed_at=timezone.now(), last_error=refusal.sentence)
        return False
    except (SMTPException, OSError, ValueError) as error:
        # The class alone: a server's words may quote the mail, and with it a secret.
        delay = FIRST_DELAY * 2 ** (row.attempts - 1)
        ended = {"failed_at": timezone.now()} if row.attempts >= MOST_ATTEMPTS else {}
        _note(row, due_at=timezone.now() + delay, last_error=type(error).__name__, **ended)
        logger.warning("%s could not be mailed: %s", row, type(error).__name__)
        return False
    _note(row, sent_at=timezone.now(), last_error="")
    return True


def _note(row: OwedMail, **columns: object) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**columns)

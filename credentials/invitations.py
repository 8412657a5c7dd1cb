"""Redemption URLs by mail: what is owed is a row, the link is minted in the moment of sending."""

from __future__ import annotations

import logging
from datetime import timedelta
from smtplib import SMTPException

from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from credentials import doorbell, issuing
from credentials.errors import IllegalMove, Invalid, Refusal
from credentials.models import Credential, Invitation
from credentials.states import LIVE

logger = logging.getLogger(__name__)

SEND = "credentials.tasks.send_invitations"

# After the first failure, and twice as long after each further one.
FIRST_DELAY = timedelta(minutes=1)
MOST_ATTEMPTS = 8
# A worker that dies while it sends leaves the mail due again after this.
LEASE = timedelta(minutes=5)


def invite(credential: Credential, *, actor: str) -> Invitation:
    """Owes a mail with a fresh URL. Raises `Invalid` without an address, `IllegalMove` once ended."""
    now = timezone.now()
    _check_address(credential)
    if credential.state not in LIVE or credential.has_expired(now):
        raise IllegalMove("A credential that has ended gets no new URL.")
    with transaction.atomic():
        invitation = Invitation.objects.create(credential=credential, actor=actor, due_at=now)
        doorbell.ring(SEND)
    return invitation


def send_due() -> int:
    """Sends the mails that are due, one after the other; how many were handed to the mail server."""
    sent = 0
    while (invitation := _lease_one()) is not None:
        sent += _send(invitation)
    return sent


def _lease_one() -> Invitation | None:
    now = timezone.now()
    with transaction.atomic():
        due = Invitation.objects.filter(due_at__lte=now, sent_at=None, failed_at=None).order_by("due_at")
        invitation = due.select_for_update(skip_locked=True).first()
        if invitation is None:
            return None
        Invitation.objects.filter(pk=invitation.pk).update(due_at=now + LEASE, attempts=F("attempts") + 1)
    return Invitation.objects.select_related("credential__person", "credential__account").get(
        pk=invitation.pk
    )


def _send(invitation: Invitation) -> bool:
    row = Invitation.objects.filter(pk=invitation.pk)
    try:
        _mail(invitation.credential, actor=invitation.actor)
    except Refusal as refusal:
        row.update(failed_at=timezone.now(), last_error=refusal.sentence)
        return False
    except (SMTPException, OSError, ValueError) as error:
        # The class alone: a server's words may quote the mail, and with it the URL.
        delay = FIRST_DELAY * 2 ** (invitation.attempts - 1)
        ended = {"failed_at": timezone.now()} if invitation.attempts >= MOST_ATTEMPTS else {}
        row.update(due_at=timezone.now() + delay, last_error=type(error).__name__, **ended)
        logger.warning("an invitation could not be mailed: %s", type(error).__name__)
        return False
    row.update(sent_at=timezone.now(), last_error="")
    return True


def _check_address(credential: Credential) -> None:
    if not credential.person.email:
        raise Invalid("email", "The person has no e-mail address.")


def _mail(credential: Credential, *, actor: str) -> None:
    # Asked again: it may have gone since the mail was promised, and a new URL would end the one in use.
    _check_address(credential)
    credential, url = issuing.renew_url(credential, actor=actor)
    context = {
        "credential": credential,
        "person": credential.person,
        "account": credential.account,
        "url": url,
    }
    message = EmailMultiAlternatives(
        _("Your %(label)s from %(account)s")
        % {"label": credential.credential_type.label, "account": credential.account.name},
        render_to_string("mail/invitation.txt", context),
        to=[credential.person.email],
    )
    message.attach_alternative(render_to_string("mail/invitation.html", context), "text/html")
    message.send()

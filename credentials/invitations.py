"""Redemption URLs by mail: what is owed is a row, the link is minted in the moment of sending."""

from __future__ import annotations

from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from credentials import doorbell, issuing, owed_mail
from credentials.errors import IllegalMove, Invalid
from credentials.models import Credential, Invitation
from credentials.states import LIVE

SEND = "credentials.tasks.send_invitations"


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
    return owed_mail.send_due(
        Invitation.objects.select_related("credential__person", "credential__account"), send=_send
    )


def _send(invitation: Invitation) -> None:
    # Asked again: it may have gone since the mail was promised, and a new URL would end the one in use.
    _check_address(invitation.credential)
    credential, url = issuing.renew_url(invitation.credential, actor=invitation.actor)
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


def _check_address(credential: Credential) -> None:
    if not credential.person.email:
        raise Invalid("email", "The person has no e-mail address.")

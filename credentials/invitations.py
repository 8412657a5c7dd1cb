"""Redemption URLs by mail: what is owed is a row, the link is minted in the moment of sending."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from credentials import doorbell, issuing, mail_limits, mail_server, owed_mail
from credentials.errors import Conflict, IllegalMove, Invalid
from credentials.event_types import EventType
from credentials.events import record_for_credential
from credentials.invitation_mail import invitation_mail
from credentials.models import Account, Credential, Invitation, RedemptionUrl
from credentials.people import lock_person
from credentials.states import LIVE

SEND = "credentials.tasks.send_invitations"


def invite(credential: Credential, *, actor: str) -> Invitation:
    """Owes a mail with a fresh URL.

    Raises `Invalid` without an address, `IllegalMove` once ended, `TooManyMails` beyond the account's or the
    person's limit.
    """
    now = timezone.now()
    _check_address(credential)
    if credential.state not in LIVE or credential.has_expired(now):
        raise IllegalMove("A credential that has ended gets no new URL.")
    with transaction.atomic():
        # Held, so that all who ask at once are counted one after the other: the account first, as everywhere.
        account = Account.objects.select_for_update(no_key=True).get(pk=credential.account_id)
        mail_limits.check_room(lock_person(credential.person), account=account, now=now)
        invitation = Invitation.objects.create(
            credential=credential,
            account=account,
            actor=actor,
            due_at=now,
            known_url=_newest_url(credential),
        )
        doorbell.ring(SEND)
    return invitation


def send_due() -> int:
    """Sends the mails that are due, one after the other; how many were handed to the mail server."""
    owed = Invitation.objects.select_related("credential__person", "credential__account")
    return owed_mail.send_due(owed, send=_send, settle=_settle)


def _send(invitation: Invitation) -> None:
    # Asked again: it may have gone since the mail was promised, and a new URL would end the one in use.
    _check_address(invitation.credential)
    # Nothing is minted before the server is there and takes the address, for the same reason.
    with mail_server.ready_for(invitation.credential.person.email) as connection:
        credential, url = _renew_url(invitation)
        connection.send_messages([invitation_mail(credential, url=url)])


def _renew_url(invitation: Invitation) -> tuple[Credential, str]:
    """The link of this attempt. Raises `Conflict` for a further one when somebody else minted a link since.

    The first attempt follows the request at once, and whoever asked for the mail wants it to come. A further
    one may follow by hours: by then the person may have got another link, and the mail must not end that.
    """
    held = Credential.objects.select_for_update(no_key=True)
    with transaction.atomic():
        newest = _newest_url(held.get(pk=invitation.credential_id))
        if invitation.attempts > 1 and invitation.known_url_id and invitation.known_url != newest:
            raise Conflict("While this mail could not be sent, another redemption URL was issued.")
        credential, url = issuing.renew_url(invitation.credential, actor=invitation.actor)
        Invitation.objects.filter(pk=invitation.pk).update(known_url=_newest_url(credential))
    return credential, url


def _newest_url(credential: Credential) -> RedemptionUrl | None:
    return credential.urls.order_by("pk").last()


def _settle(invitation: Invitation, reason: str) -> None:
    """Puts on record that the mail was sent or, with the reason, that it never will be."""
    held = Credential.objects.select_related("person", "credential_type", "account")
    credential = held.select_for_update(of=("self",), no_key=True).get(pk=invitation.credential_id)
    Credential.objects.filter(pk=credential.pk).update(sequence=F("sequence") + 1)
    credential.refresh_from_db(fields=["sequence"])
    record_for_credential(
        EventType.CREDENTIAL_MAIL_FAILED if reason else EventType.CREDENTIAL_MAIL_SENT,
        credential,
        installed=credential.installed_pass,
        actor=invitation.actor,
        now=timezone.now(),
        told={"reason": reason} if reason else None,
    )


def _check_address(credential: Credential) -> None:
    if not credential.person.email:
        raise Invalid("email", "The person has no e-mail address.")

"""Tells the contact of an account by mail that an endpoint fails, or is sent nothing any more."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from credentials import doorbell, owed_mail
from credentials.errors import Conflict, Invalid
from credentials.timestamps import rfc3339
from webhooks.models import Endpoint, Notice, NoticeKind
from webhooks.outcomes import Outcome

SEND = "webhooks.tasks.send_notices"

_SUBJECTS = {
    NoticeKind.FAILING: "Webhooks to {host} have been failing for a day",
    NoticeKind.GONE: "Webhooks to {host} have been switched off",
    NoticeKind.GIVEN_UP: "Webhooks to {host} have been switched off",
}


def owe(
    kind: NoticeKind,
    endpoint: Endpoint,
    *,
    since: datetime,
    outcome: Outcome,
    response_status: int | None,
    now: datetime,
) -> None:
    """Owes a mail, once for each kind and failure; an account without a contact is told by its events.

    `since` is when the failure began; `outcome` and `response_status` are those of its last attempt.
    """
    if not endpoint.account.contact_email:
        return
    notice = Notice(
        endpoint=endpoint,
        kind=kind,
        failing_since=since,
        last_outcome=outcome,
        last_response_status=response_status,
        due_at=now,
    )
    Notice.objects.bulk_create([notice], ignore_conflicts=True)
    doorbell.ring(SEND)


def send_due() -> int:
    """Sends the mails that are due; how many were handed to the mail server."""
    return owed_mail.send_due(Notice.objects.select_related("endpoint__account"), send=_send)


def _send(notice: Notice) -> None:
    endpoint, account = notice.endpoint, notice.endpoint.account
    _check(notice)
    context = {
        "notice": notice,
        "endpoint": endpoint,
        "account": account,
        "outcome": Outcome(notice.last_outcome).label,
        "since": rfc3339(notice.failing_since),
        "resource": f"{settings.BASE_URL}/api/v3/webhook_endpoints/{endpoint.public_id}",
    }
    # The same at every attempt: where a server took it and the connection broke, mailboxes show it once.
    message_id = f"<{endpoint.public_id}.{notice.pk}@{urlsplit(settings.BASE_URL).hostname}>"
    EmailMessage(
        _SUBJECTS[NoticeKind(notice.kind)].format(host=endpoint.host),
        render_to_string("mail/webhook_notice.txt", context),
        to=[account.contact_email],
        headers={"Message-ID": message_id},
    ).send()


def _check(notice: Notice) -> None:
    """Whether there is somebody to tell, and still something."""
    endpoint = notice.endpoint
    if not endpoint.account.contact_email:
        raise Invalid("contact_email", "The account has no contact.")
    if endpoint.deleted_at is not None:
        raise Conflict("The endpoint has been deleted.")
    is_failing = endpoint.enabled and endpoint.failing_since == notice.failing_since
    if notice.kind == NoticeKind.FAILING and not is_failing:
        raise Conflict("The endpoint is not failing any more, or disabled.")

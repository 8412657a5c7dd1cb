"""Celery's side of the ground: sweeps that only tidy up what is true already."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from credentials import invitations, lifecycle, people_imports
from credentials.api.idempotency import forget_old_requests
from credentials.models import Credential
from credentials.states import LIVE

BATCH = 500


@shared_task
def expire_due() -> None:
    """Records the credentials whose end has come, a transaction each."""
    due = Credential.objects.filter(state__in=LIVE, expires_at__lte=timezone.now())
    due = due.select_related("person", "credential_type", "account")
    while batch := list(due.order_by("expires_at")[:BATCH]):
        for credential in batch:
            lifecycle.expire(credential)


@shared_task
def send_invitations() -> None:
    """Sends the mails that are owed."""
    invitations.send_due()


@shared_task
def import_people() -> None:
    """Takes running imports of people further."""
    people_imports.import_due()


@shared_task
def tidy_up() -> None:
    """Forgets the idempotency keys that are too old to be repeated, and the files that nobody imported."""
    forget_old_requests()
    people_imports.forget_unstarted()

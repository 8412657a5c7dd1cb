"""When a URL works again after its pass was removed: at once, unless its account wants otherwise."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from credentials.errors import IllegalMove
from credentials.event_types import EventType
from credentials.events import record_for_credential
from credentials.models import Account, Credential
from credentials.models.accounts import Reopening
from credentials.states import LIVE

OPEN: dict[str, Any] = {"reopens_at": None, "awaits_approval": False}


def columns_after_removal(account: Account, *, now: datetime) -> dict[str, Any]:
    """What a removal writes into the credential."""
    if account.reopening == Reopening.AFTER_PAUSE:
        return {**OPEN, "reopens_at": now + account.reopening_pause}
    if account.reopening == Reopening.APPROVAL:
        return {**OPEN, "awaits_approval": True}
    return OPEN


def close_url(credential: Credential, *, now: datetime) -> None:
    """Ends the URL that was used, where the account wants a fresh one for every wallet.

    The one that the removal before this has ended too: its pass had come back.
    """
    if credential.account.reopening == Reopening.FRESH_URL:
        used = Q(replaced_at=None) | Q(replaced_at=credential.removed_from_wallet_at)
        credential.urls.filter(used).update(replaced_at=now)


def reopen(credential: Credential, *, actor: str) -> Credential:
    """Order: lets the URL add a pass again, before its pause is over too. Raises `IllegalMove` once ended."""
    now = timezone.now()
    with transaction.atomic():
        held = Credential.objects.select_related("person", "credential_type", "account")
        credential = held.select_for_update(of=("self",), no_key=True).get(pk=credential.pk)
        if credential.state not in LIVE or credential.has_expired(now):
            raise IllegalMove("A credential that has ended has no URL to re-open.")
        if not credential.is_closed(now):
            return credential
        Credential.objects.filter(pk=credential.pk).update(**OPEN, sequence=F("sequence") + 1)
        credential.refresh_from_db(fields=["sequence", *OPEN])
        installed = credential.installed_pass
        record_for_credential(
            EventType.CREDENTIAL_REOPENED, credential, installed=installed, actor=actor, now=now
        )
    return credential

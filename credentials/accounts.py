"""The verbs on accounts: what one may want of its URLs, its mails and its protection."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from credentials.errors import Invalid
from credentials.event_types import EventType
from credentials.events import record
from credentials.models import Account
from credentials.suspicion import check_thresholds

SHORTEST = timedelta(minutes=1)
LONGEST_URL_LIFETIME = timedelta(days=3650)
LONGEST_PAUSE = timedelta(days=365)
MOST_MAILS_A_DAY = 10_000_000


def create_account(*, actor: str, **columns: Any) -> Account:
    """A new tenant. Raises `Invalid` naming the column that cannot be accepted."""
    account = Account(**columns)
    with transaction.atomic():
        _save(account)
        record(EventType.ACCOUNT_CREATED, account=account, actor=actor, now=timezone.now())
    return account


def update_account(account: Account, *, actor: str, **columns: Any) -> Account:
    """Changes what is named. Raises `Invalid` naming the column that cannot be accepted."""
    with transaction.atomic():
        account = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        changed = sorted(name for name, value in columns.items() if getattr(account, name) != value)
        if not changed:
            return account
        for name in changed:
            setattr(account, name, columns[name])
        _save(account)
        now = timezone.now()
        record(EventType.ACCOUNT_UPDATED, account=account, actor=actor, now=now, data={"changed": changed})
    return account


def _save(account: Account) -> None:
    lifetime, pause = account.url_lifetime, account.reopening_pause
    if lifetime is not None and not SHORTEST <= lifetime <= LONGEST_URL_LIFETIME:
        raise Invalid("url_lifetime", "This must be between a minute and ten years.")
    if not SHORTEST <= pause <= LONGEST_PAUSE:
        raise Invalid("reopening_pause", "This must be between a minute and 365 days.")
    if account.mails_a_day is not None and not 1 <= account.mails_a_day <= MOST_MAILS_A_DAY:
        raise Invalid("mails_a_day", f"This must be between 1 and {MOST_MAILS_A_DAY:,}.")
    check_thresholds(account.suspicion_thresholds)
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError:
        raise Invalid("slug", "Another account has this slug.") from None

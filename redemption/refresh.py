"""Keeps the passes in wallets true: whatever changes how one looks marks it, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from credentials.event_types import EventType
from credentials.models import CredentialType, Event, WalletPass
from credentials.pass_fields import PLACEHOLDER, read_fields
from credentials.states import PassState, Wallet
from redemption.apple import push as apple_push
from redemption.apple import updates as apple_updates
from redemption.google import updates as google_updates
from redemption.models import ApplePass, GoogleClass, GooglePass

BATCH = 500

# Events after which the passes of their credential look different. Its end voids those offered or installed,
# and one that was removed can come back by its old link or file: it has to say so by then.
CREDENTIAL_EVENTS = frozenset(
    [
        EventType.CREDENTIAL_SUSPENDED,
        EventType.CREDENTIAL_RESUMED,
        EventType.CREDENTIAL_UPDATED,
        EventType.CREDENTIAL_EXPIRED,
        EventType.CREDENTIAL_REVOKED,
    ]
)
# Events after which all passes of their person look different.
PERSON_EVENTS = frozenset([EventType.PERSON_DISABLED, EventType.PERSON_ENABLED])
# Which placeholders of a design show a column of the person; the dates bind every pass.
SHOWN_BY = {
    "first_name": {"first_name", "full_name"},
    "last_name": {"last_name", "full_name"},
    "email": {"email"},
    "system_id": {"system_id"},
    "language": set(),
}
BINDING = frozenset(["valid_from", "valid_to"])
# Marked as they change: a file that was fetched can be added later, and a removed pass can come back.
_OPEN = ~Q(state=PassState.VOIDED)


def mark_changed(events: Sequence[Event]) -> None:
    """Marks the passes that these events change and owes their wallets word; called in the transaction."""
    passes: QuerySet[WalletPass] = WalletPass.objects.filter(_OPEN)
    for event in events:
        if event.type in CREDENTIAL_EVENTS:
            changed = passes.filter(credential=event.credential_id)
        elif event.type in PERSON_EVENTS:
            changed = passes.filter(credential__person=event.person_id)
        elif event.type == EventType.PERSON_UPDATED:
            changed = passes.filter(credential__person=event.person_id)
            changed = _showing(changed, set(event.data.get("changed", [])))
        else:
            continue
        # Disabling closes a door, and must not wait until a phone has had its quiet time.
        _mark(changed, now=event.created_at, urgent=event.type == EventType.PERSON_DISABLED)


def mark_voided(voided: Sequence[WalletPass], *, now: datetime) -> None:
    """Marks passes that were voided: whoever has one must see it, at once; called in the transaction.

    A file that was offered and never installed is on no device that we know; an offer at Google can still
    be saved by its link.
    """
    shown = [one for one in voided if one.wallet == Wallet.GOOGLE or one.installed_at is not None]
    _mark_each([(one.pk, one.wallet) for one in shown], now=now, urgent=True)


def mark_designs() -> int:
    """Marks the passes of every design that was changed, in batches; how many there were.

    An interrupted run is simply run again: a design counts as done when its last batch is.
    """
    marked = 0
    for credential_type in CredentialType.objects.filter(refreshed_version__lt=F("version")):
        google_updates.owe_classes(GoogleClass.objects.filter(credential_type=credential_type))
        passes = WalletPass.objects.filter(_OPEN, credential__credential_type=credential_type).order_by("pk")
        last = 0
        while batch := list(passes.filter(pk__gt=last).values_list("pk", "wallet")[:BATCH]):
            with transaction.atomic():
                _mark_each(batch, now=timezone.now(), urgent=False)
            last, marked = batch[-1][0], marked + len(batch)
        # A change that came meanwhile made another version, and leaves the design to be done again.
        CredentialType.objects.filter(pk=credential_type.pk).update(refreshed_version=credential_type.version)
    return marked


def mark_validity(*, now: datetime) -> int:
    """Marks the passes whose person's time began or ended since they last changed."""
    marked = 0
    for wallet, rows in ((Wallet.APPLE, ApplePass.objects), (Wallet.GOOGLE, GooglePass.objects)):
        passes = rows.filter(_turned(now), wallet_pass__in=WalletPass.objects.filter(_OPEN))
        batch = [(pk, wallet) for pk in passes.values_list("pk", flat=True)[:BATCH]]
        with transaction.atomic():
            _mark_each(batch, now=now, urgent=False)
        marked += len(batch)
    return marked


def _turned(now: datetime) -> Q:
    recently = now - timedelta(days=2)
    person = "wallet_pass__credential__person__"
    began = Q(**{f"{person}valid_from__range": (recently, now), f"{person}valid_from__gt": F("modified_at")})
    ended = Q(**{f"{person}valid_to__range": (recently, now), f"{person}valid_to__gt": F("modified_at")})
    return began | ended


def _mark(passes: QuerySet[WalletPass], *, now: datetime, urgent: bool) -> None:
    _mark_each(passes.values_list("pk", "wallet"), now=now, urgent=urgent)


def _mark_each(passes: Iterable[tuple[int, str]], *, now: datetime, urgent: bool) -> None:
    pks: dict[str, list[int]] = {wallet: [] for wallet in Wallet}
    for pk, wallet in passes:
        pks[wallet].append(pk)
    if of_apple := pks[Wallet.APPLE]:
        apple_updates.mark(ApplePass.objects.filter(pk__in=of_apple), now=now)
        apple_push.owe(of_apple, now=now, urgent=urgent)
    if of_google := pks[Wallet.GOOGLE]:
        google_updates.owe(GooglePass.objects.filter(pk__in=of_google), now=now)


def _showing(passes: QuerySet[WalletPass], columns: set[str]) -> QuerySet[WalletPass]:
    """Those of `passes` on which these columns of their person can be seen: no other is told."""
    if columns & BINDING:
        return passes
    shown = set().union(*(SHOWN_BY[column] for column in columns))
    types = CredentialType.objects.filter(credentials__wallet_passes__in=passes).distinct()
    showing = [kind.pk for kind in types if shown & _placeholders(kind)]
    return passes.filter(credential__credential_type__in=showing)


def _placeholders(kind: CredentialType) -> set[str]:
    return {name for field in read_fields(kind.fields) for name in PLACEHOLDER.findall(field.value)}

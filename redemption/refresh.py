"""Keeps the passes in wallets true: whatever changes how one looks marks it, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from credentials.event_types import EventType
from credentials.models import CredentialType, Event
from credentials.pass_fields import PLACEHOLDER, read_fields
from credentials.states import PassState
from redemption.apple import updates
from redemption.models import AppleDevice, ApplePass

# Two pushes to a device are at least so far apart: a phone that hears more turns automatic updates off.
QUIET_TIME = timedelta(seconds=60)
BATCH = 500

# Events after which the passes of their credential look different.
CREDENTIAL_EVENTS = frozenset(
    [
        EventType.CREDENTIAL_SUSPENDED,
        EventType.CREDENTIAL_RESUMED,
        EventType.CREDENTIAL_EXPIRED,
        EventType.CREDENTIAL_REVOKED,
        EventType.CREDENTIAL_UPDATED,
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
}
BINDING = frozenset(["valid_from", "valid_to"])
# What must not wait for the quiet time to pass: it happens once, and it closes a door.
URGENT_EVENTS = frozenset([EventType.CREDENTIAL_REVOKED, EventType.PERSON_DISABLED])


def mark_changed(events: Sequence[Event]) -> None:
    """Marks the passes that these events change and owes their devices a push; called in the transaction."""
    for event in events:
        if event.type in CREDENTIAL_EVENTS:
            _mark(_changed_by(event).filter(wallet_pass__credential=event.credential_id), event)
        elif event.type in PERSON_EVENTS:
            _mark(_installed().filter(wallet_pass__credential__person=event.person_id), event)
        elif event.type == EventType.PERSON_UPDATED:
            passes = _installed().filter(wallet_pass__credential__person=event.person_id)
            _mark(_showing(passes, set(event.data.get("changed", []))), event)


def mark_designs() -> int:
    """Marks the installed passes of every design that was changed, in batches; how many there were.

    An interrupted run is simply run again: a design counts as done when its last batch is.
    """
    marked = 0
    for credential_type in CredentialType.objects.filter(refreshed_version__lt=F("version")):
        passes = _installed().filter(wallet_pass__credential__credential_type=credential_type).order_by("pk")
        last = 0
        while batch := list(passes.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
            with transaction.atomic():
                _mark_and_owe(ApplePass.objects.filter(pk__in=batch), now=timezone.now(), urgent=False)
            last, marked = batch[-1], marked + len(batch)
        # A change that came meanwhile made another version, and leaves the design to be done again.
        CredentialType.objects.filter(pk=credential_type.pk).update(refreshed_version=credential_type.version)
    return marked


def mark_validity(*, now: datetime) -> int:
    """Marks the installed passes whose person's time began or ended since they last changed."""
    recently = now - timedelta(days=2)
    person = "wallet_pass__credential__person__"
    began = Q(**{f"{person}valid_from__range": (recently, now), f"{person}valid_from__gt": F("modified_at")})
    ended = Q(**{f"{person}valid_to__range": (recently, now), f"{person}valid_to__gt": F("modified_at")})
    passes = list(_installed().filter(began | ended).values_list("pk", flat=True)[:BATCH])
    with transaction.atomic():
        _mark_and_owe(ApplePass.objects.filter(pk__in=passes), now=now, urgent=False)
    return len(passes)


def _mark(passes: QuerySet[ApplePass], event: Event) -> None:
    _mark_and_owe(passes, now=event.created_at, urgent=event.type in URGENT_EVENTS)


def _mark_and_owe(passes: QuerySet[ApplePass], *, now: datetime, urgent: bool) -> None:
    pks = list(passes.values_list("pk", flat=True))
    if not pks:
        return
    updates.mark(ApplePass.objects.filter(pk__in=pks), now=now)
    owe_pushes(pks, now=now, urgent=urgent)


def owe_pushes(pass_ids: Sequence[int], *, now: datetime, urgent: bool) -> None:
    """Sets when the devices of these passes are pushed next; one push tells of all that has changed."""
    pks = AppleDevice.objects.filter(registrations__apple_pass__in=pass_ids).values("pk")
    # Locked in one order, so that two transactions with the same devices cannot wait for each other.
    for device in AppleDevice.objects.filter(pk__in=pks).order_by("pk").select_for_update(no_key=True):
        last = None if urgent else device.pushed_at
        due = now if last is None else max(now, last + QUIET_TIME)
        if device.push_due_at is None or due < device.push_due_at:
            AppleDevice.objects.filter(pk=device.pk).update(push_due_at=due)


def _changed_by(event: Event) -> QuerySet[ApplePass]:
    """The passes that are in a wallet, or were until this very event."""
    voided_now = Q(wallet_pass__voided_at=event.created_at, wallet_pass__installed_at__isnull=False)
    return ApplePass.objects.filter(Q(wallet_pass__state=PassState.INSTALLED) | voided_now)


def _showing(passes: QuerySet[ApplePass], columns: set[str]) -> QuerySet[ApplePass]:
    """Those of `passes` on which these columns of their person can be seen: no other is pushed."""
    if columns & BINDING:
        return passes
    shown = set().union(*(SHOWN_BY[column] for column in columns))
    types = CredentialType.objects.filter(credentials__wallet_passes__apple__in=passes).distinct()
    showing = [kind.pk for kind in types if shown & _placeholders(kind)]
    return passes.filter(wallet_pass__credential__credential_type__in=showing)


def _placeholders(kind: CredentialType) -> set[str]:
    return {name for field in read_fields(kind.fields) for name in PLACEHOLDER.findall(field.value)}


def _installed() -> QuerySet[ApplePass]:
    return ApplePass.objects.filter(wallet_pass__state=PassState.INSTALLED)

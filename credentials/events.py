"""The one place that records what happened, and lets the rest of the house know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from credentials import doorbell, event_order
from credentials.copying import insert_all
from credentials.event_types import EventType
from credentials.models import Account, Credential, Event, Person, WalletPass
from credentials.snapshots import snapshot

Recorder = Callable[[Sequence[Event]], None]


def record(
    event_type: EventType,
    *,
    account: Account,
    actor: str,
    now: datetime,
    person: Person | None = None,
    data: dict[str, Any] | None = None,
) -> Event:
    """Writes one event about an account or a person in the current transaction, and passes it on."""
    event = Event(
        account=account, type=event_type, actor=actor, created_at=now, person=person, data=data or {}
    )
    record_all([event])
    return event


def record_for_credential(
    event_type: EventType,
    credential: Credential,
    *,
    installed: WalletPass | None,
    actor: str,
    now: datetime,
    told: dict[str, Any] | None = None,
) -> Event:
    """Writes one event about `credential`, with its sequence number and how it looked at that moment.

    The caller has just moved the row, or holds it: `credential.sequence` already counts this event. `told` is
    what there is to say besides.
    """
    event = Event(
        account_id=credential.account_id,
        type=event_type,
        actor=actor,
        created_at=now,
        person=credential.person,
        credential=credential,
        sequence=credential.sequence,
        data={
            "credential": snapshot(credential, installed=installed),
            "person_id": credential.person_id,
            "system_id": credential.person.system_id or None,
            **(told or {}),
        },
    )
    record_all([event])
    return event


def record_all(events: Sequence[Event]) -> None:
    """Writes these new events in the current transaction, in their order, and passes them on together.

    For many at once: what the recorders ask the database, they ask once for all of them.
    """
    # Outside a transaction a crash between these lines would lose what the recorders owe.
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("an event is written in the transaction of its change")
    event_order.announce()
    insert_all(events)
    for recorder in _recorders(tuple(settings.EVENT_RECORDERS)):
        recorder(events)
    for task_name in settings.EVENT_CONSUMERS:
        doorbell.ring(task_name)


@lru_cache(maxsize=8)
def _recorders(paths: tuple[str, ...]) -> list[Recorder]:
    return [import_string(path) for path in paths]

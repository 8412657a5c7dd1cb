"""The verbs on people: what happens to a person happens to the passes they hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from credentials import lifecycle
from credentials.characters import control_in
from credentials.errors import Invalid, NotFound
from credentials.event_types import EventType
from credentials.events import record
from credentials.models import Account, Person
from credentials.states import LIVE


def create_person(account: Account, *, actor: str, **columns: Any) -> Person:
    """A new person. Raises `Invalid` naming the column that cannot be accepted."""
    person = Person(account=account)
    assign(person, columns)
    with transaction.atomic():
        _save(person)
        _record(EventType.PERSON_CREATED, person, actor=actor)
    return person


def update_person(person: Person, *, actor: str, **columns: Any) -> Person:
    """Changes what is named; disabling and enabling reach the wallets. Raises `Invalid` naming the column."""
    with transaction.atomic():
        person = lock_person(person)
        was_enabled = person.enabled
        changed = assign(person, columns)
        if not changed:
            return person
        _save(person)
        if person.enabled != was_enabled:
            _record(
                EventType.PERSON_ENABLED if person.enabled else EventType.PERSON_DISABLED, person, actor=actor
            )
        if set(changed) - {"enabled"}:
            _record(EventType.PERSON_UPDATED, person, actor=actor, changed=sorted(set(changed) - {"enabled"}))
    return person


def delete_person(person: Person, *, actor: str) -> None:
    """Revokes every live credential and erases the personal data; events, `id` and `system_id` stay."""
    now = timezone.now()
    with transaction.atomic():
        person = lock_person(person)
        # In the order of their keys, so that two such transactions cannot wait for each other.
        for credential in person.credentials.filter(state__in=LIVE).order_by("pk"):
            lifecycle.revoke(credential, actor=actor)
        _erase(person, now=now)
        _record(EventType.PERSON_DELETED, person, actor=actor)


def assign(person: Person, columns: Mapping[str, Any]) -> list[str]:
    """Changes what differs, saves nothing, and names it. Raises `Invalid` naming the column.

    What is in a column already is not looked at: nobody must be kept from disabling somebody by an old name.
    """
    changed = [name for name, value in columns.items() if getattr(person, name) != value]
    for name in changed:
        if control := control_in(str(columns[name])):
            raise Invalid(name, f"This holds the control character {control}.")
        setattr(person, name, columns[name])
    if person.valid_from and person.valid_to and person.valid_from >= person.valid_to:
        raise Invalid("valid_to", "This must be later than valid_from.")
    return changed


def lock_person(person: Person) -> Person:
    """The person's row as it is now, held until the transaction ends. Raises `NotFound` once deleted.

    A lock that lets foreign keys pass: an event about the person must never wait for it.
    """
    rows = Person.objects.present().select_related("account").select_for_update(of=("self",), no_key=True)
    found = rows.filter(pk=person.pk).first()
    if found is None:
        raise NotFound("This person has been deleted.")
    return found


def _erase(person: Person, *, now: datetime) -> None:
    person.first_name = person.last_name = person.email = person.language = ""
    person.enabled, person.valid_from, person.valid_to = False, None, None
    person.deleted_at = now
    person.save()


def _save(person: Person) -> None:
    """Saves, and turns what the database refuses into the name of the column."""
    try:
        with transaction.atomic():
            person.save()
    except IntegrityError:
        others = Person.objects.present().filter(account=person.account).exclude(pk=person.pk)
        if person.email and others.filter(email__iexact=person.email).exists():
            raise Invalid("email", "This e-mail address has already been taken.") from None
        if person.system_id and others.filter(system_id=person.system_id).exists():
            raise Invalid("system_id", "This system_id has already been taken.") from None
        raise


def _record(event_type: EventType, person: Person, *, actor: str, **data: Any) -> None:
    # Never the values: the trail outlives the right to know them.
    record(event_type, account=person.account, person=person, actor=actor, now=timezone.now(), data=data)

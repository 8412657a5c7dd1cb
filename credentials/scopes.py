"""What an API key may do; the names are DoorFlow's."""

from __future__ import annotations

from django.db.models import TextChoices


class Scope(TextChoices):
    """One right. `account.person` includes its read-only form."""

    PERSON = "account.person"
    PERSON_READONLY = "account.person.readonly"
    CREDENTIAL_TYPE_READONLY = "account.credential_type.readonly"
    WEBHOOK = "account.webhook"
    EVENT_READONLY = "account.event.readonly"


IMPLIED_BY: dict[str, str] = {Scope.PERSON_READONLY: Scope.PERSON}


def grants(scopes: list[str], *, needed: str) -> bool:
    """Whether a key with `scopes` may do what needs `needed`."""
    return needed in scopes or IMPLIED_BY.get(needed, needed) in scopes

"""The verbs on API keys: a key is shown once, when it is made, and works until it is revoked."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from credentials import tokens
from credentials.errors import Invalid
from credentials.event_types import EventType
from credentials.events import record
from credentials.models import Account, ApiKey
from credentials.scopes import Scope

HINT_LENGTH = 11
LONGEST_NAME = 100


def create_api_key(account: Account, *, name: str, scopes: Sequence[str], actor: str) -> tuple[ApiKey, str]:
    """A new key and its text, which nobody can read again afterwards. Raises `Invalid` for name or scopes."""
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise Invalid("name", f"This must be one line of at most {LONGEST_NAME} characters.")
    unknown = [scope for scope in scopes if scope not in Scope.values]
    if unknown or not scopes:
        found = f"“{unknown[0]}” is no scope" if unknown else "A key needs a scope"
        raise Invalid("scopes", f"{found}; there are {', '.join(Scope.values)}.")
    text = tokens.mint_api_key()
    with transaction.atomic():
        api_key = ApiKey.objects.create(
            account=account,
            name=name,
            digest=tokens.digest(text),
            hint=text[:HINT_LENGTH],
            scopes=[str(scope) for scope in dict.fromkeys(scopes)],
        )
        _record(EventType.API_KEY_CREATED, api_key, actor=actor)
    return api_key, text


def revoke_api_key(api_key: ApiKey, *, actor: str) -> ApiKey:
    """The key stops working at once, for good; a second time changes nothing and writes no event."""
    with transaction.atomic():
        moved = ApiKey.objects.filter(pk=api_key.pk, revoked_at=None).update(revoked_at=timezone.now())
        api_key = ApiKey.objects.select_related("account").get(pk=api_key.pk)
        if moved:
            _record(EventType.API_KEY_REVOKED, api_key, actor=actor)
    return api_key


def _record(event_type: EventType, api_key: ApiKey, *, actor: str) -> None:
    told = {"api_key_id": api_key.pk, "name": api_key.name, "hint": api_key.hint, "scopes": api_key.scopes}
    record(event_type, account=api_key.account, actor=actor, now=timezone.now(), data=told)

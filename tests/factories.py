"""One function per noun; every default is valid."""

from __future__ import annotations

import itertools
from typing import Any

from django.utils import timezone

from credentials import issuing, tokens
from credentials.models import Account, ApiKey, Credential, CredentialType, Person, WalletPass
from credentials.models.accounts import known_scopes
from credentials.states import Wallet
from credentials.values import current_value_key
from redemption.google.issuers import import_issuer
from redemption.models import GoogleIssuer
from tests.fakes.google_accounts import ServiceAccount

_numbers = itertools.count(1)


def account(**columns: Any) -> Account:
    number = next(_numbers)
    return Account.objects.create(**{"slug": f"account-{number}", "name": f"Account {number}", **columns})


def google_issuer(account: Account, **columns: Any) -> GoogleIssuer:
    """An issuer with a key, at a Google that nobody hears."""
    issuer = import_issuer(
        account,
        issuer_id=f"33880000000{next(_numbers):08}",
        service_account=ServiceAccount(token_uri="http://127.0.0.1:1/token").file(),
        actor="test",
    )
    GoogleIssuer.objects.filter(pk=issuer.pk).update(**columns)
    issuer.refresh_from_db()
    return issuer


def api_key(account: Account, *, scopes: list[str] | None = None) -> str:
    """A key's text; the row holds its digest."""
    text = tokens.mint_api_key()
    ApiKey.objects.create(
        account=account,
        digest=tokens.digest(text),
        hint=text[:11],
        scopes=known_scopes() if scopes is None else scopes,
    )
    return text


def person(account: Account, **columns: Any) -> Person:
    number = next(_numbers)
    defaults = {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": f"ada{number}@example.org",
        "system_id": f"member-{number}",
    }
    return Person.objects.create(account=account, **{**defaults, **columns})


def credential_type(account: Account, **columns: Any) -> CredentialType:
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "label": "Membership",
        "slug": f"membership-{number}",
        "fields": [
            {"area": "primary", "key": "name", "label": "Member", "value": "{full_name}"},
            {"area": "back", "key": "terms", "label": "Terms", "value": "Personal, not transferable."},
        ],
    }
    return CredentialType.objects.create(account=account, **{**defaults, **columns})


def credential(account: Account, **columns: Any) -> Credential:
    return credential_and_url(account, **columns)[0]


def credential_and_url(
    account: Account, *, holder: Person | None = None, **options: Any
) -> tuple[Credential, str]:
    """An issued credential with its redemption URL."""
    kind = options.pop("credential_type", None) or credential_type(account)
    return issuing.issue(holder or person(account), credential_type=kind, actor="test", **options)


def url_token(url: str) -> str:
    """The bearer secret inside a redemption URL."""
    return url.rpartition("/")[2]


def wallet_pass(credential: Credential, **columns: Any) -> WalletPass:
    """An offered pass, as a claim makes it."""
    defaults: dict[str, Any] = {
        "wallet": Wallet.APPLE,
        "serial_number": tokens.mint_serial_number(),
        "value_key": current_value_key(credential.account),
        "offered_at": timezone.now(),
    }
    return WalletPass.objects.create(credential=credential, **{**defaults, **columns})

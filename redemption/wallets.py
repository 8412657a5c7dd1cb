"""Which wallets a credential can go into."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet, Value

from credentials.models import Credential
from credentials.states import Wallet
from redemption.apple import identities
from redemption.google import issuers


def offered(credential: Credential) -> list[Wallet]:
    """The wallets that the design is meant for and the account is set up for, in one query."""
    kind = credential.credential_type
    of_apple = _named(Wallet.APPLE, identities.valid_identities(kind))
    of_google = _named(Wallet.GOOGLE, issuers.ready_issuers(kind.account_id))
    set_up = set(of_apple.union(of_google))
    enabled = {Wallet.APPLE: kind.apple_enabled, Wallet.GOOGLE: kind.google_enabled}
    return [wallet for wallet in Wallet if enabled[wallet] and wallet in set_up]


def _named(wallet: Wallet, rows: QuerySet[Any]) -> QuerySet[Any, str]:
    return rows.order_by().values_list(Value(wallet.value), flat=True)

"""Which wallets a credential can go into."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet, Value
from django.utils import timezone

from credentials.models import Credential, CredentialType
from credentials.states import Wallet
from redemption.models import AppleIdentity, GoogleIssuer


def offered(credential: Credential) -> list[Wallet]:
    """The wallets that the design is meant for and the account is set up for, in one query."""
    kind = credential.credential_type
    issuers = GoogleIssuer.objects.filter(account=kind.account_id)
    set_up = set(_named(Wallet.APPLE, _certificates(kind)).union(_named(Wallet.GOOGLE, issuers)))
    enabled = {Wallet.APPLE: kind.apple_enabled, Wallet.GOOGLE: kind.google_enabled}
    return [wallet for wallet in Wallet if enabled[wallet] and wallet in set_up]


def _certificates(kind: CredentialType) -> QuerySet[AppleIdentity]:
    """Those that could sign a pass of this design now."""
    now = timezone.now()
    valid = AppleIdentity.objects.filter(
        pass_type__account=kind.account_id, not_before__lte=now, not_after__gt=now
    )
    if named := kind.apple_pass_type_identifier:
        return valid.filter(pass_type__pass_type_identifier=named)
    return valid


def _named(wallet: Wallet, rows: QuerySet[Any]) -> QuerySet[Any, str]:
    return rows.order_by().values_list(Value(wallet.value), flat=True)

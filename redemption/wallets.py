"""Which wallets a credential can go into: those that its design is for and its account is set up for."""

from __future__ import annotations

from django.db.models import Case, Exists, OuterRef, When
from django.db.models.functions import Now

from credentials.models import CredentialType
from credentials.states import Wallet
from redemption.models import AppleIdentity, GoogleIssuer


def set_up(wallet: Wallet, *, kind: str) -> Exists | Case:
    """Whether the account can fill `wallet` now, in a queryset that leads to a credential type by `kind`."""
    account = OuterRef(f"{kind}__account")
    if wallet == Wallet.GOOGLE:
        return Exists(GoogleIssuer.objects.filter(account=account, private_key__isnull=False))
    named = f"{kind}__apple_pass_type_identifier"
    valid = AppleIdentity.objects.filter(
        pass_type__account=account, not_before__lte=Now(), not_after__gt=Now()
    )
    return Case(
        When(**{named: ""}, then=Exists(valid)),
        default=Exists(valid.filter(pass_type__pass_type_identifier=OuterRef(named))),
    )


def enabled(credential_type: CredentialType) -> dict[Wallet, bool]:
    """The wallets that the design is meant for."""
    return {Wallet.APPLE: credential_type.apple_enabled, Wallet.GOOGLE: credential_type.google_enabled}

"""Which wallets a credential can go into."""

from __future__ import annotations

from django.db.models import Exists
from django.utils import timezone

from credentials.models import Account, Credential, CredentialType
from credentials.states import Wallet
from redemption.models import AppleIdentity, ApplePassType, GoogleIssuer


def offered(credential: Credential) -> list[Wallet]:
    """The wallets that the design is meant for and the account is set up for, in one query at most."""
    kind = credential.credential_type
    if not (kind.apple_enabled or kind.google_enabled):
        return []
    issuers = GoogleIssuer.objects.filter(account=credential.account_id)
    set_up = Account.objects.filter(pk=credential.account_id).values_list(_can_sign(kind), Exists(issuers))
    apple, google = set_up.get()
    wallets = {Wallet.APPLE: kind.apple_enabled and apple, Wallet.GOOGLE: kind.google_enabled and google}
    return [wallet for wallet, is_offered in wallets.items() if is_offered]


def _can_sign(kind: CredentialType) -> Exists:
    """Whether a certificate is valid now, of the pass type that `redemption.apple.identities` would take."""
    now = timezone.now()
    pass_types = ApplePassType.objects.filter(account=kind.account_id).order_by("pk")
    if named := kind.apple_pass_type_identifier:
        pass_types = pass_types.filter(pass_type_identifier=named)
    identities = AppleIdentity.objects.filter(not_before__lte=now, not_after__gt=now)
    return Exists(identities.filter(pass_type__in=pass_types.values("pk")[:1]))

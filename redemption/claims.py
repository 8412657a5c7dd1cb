"""Claiming: a passholder asks, by POST, for a pass to put into a wallet."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from credentials import tokens
from credentials.errors import Conflict
from credentials.models import Credential, WalletPass
from credentials.states import Wallet
from credentials.values import current_value_key
from redemption import access, offers
from redemption.apple import identities
from redemption.google import offers as google_offers
from redemption.models import AppleAuthenticationToken, ApplePass


def claim_apple(token: str) -> WalletPass:
    """An offer of a pass for Apple Wallet, fresh or the one made a moment ago.

    Raises `NotFound`, `Gone`, `Conflict` (`InUse`, `Suspended`, a design without Apple), and `Unavailable`
    when no certificate can sign.
    """
    now = timezone.now()
    with transaction.atomic():
        credential = access.claimable(token).credential
        if not credential.credential_type.apple_enabled:
            raise Conflict("This pass is not made for Apple Wallet.")
        pass_type = identities.pass_type_for(credential.credential_type)
        if offer := offers.fresh(credential, Wallet.APPLE, now=now):
            return offer
        offer = offers.draft(credential, Wallet.APPLE, now=now)
        offer.value_key = current_value_key(credential.account)
        offers.record(offer, now=now)
        apple_pass = ApplePass.objects.create(wallet_pass=offer, pass_type=pass_type, modified_at=_whole(now))
        first = tokens.first_authentication_token(token, serial_number=offer.serial_number)
        AppleAuthenticationToken.objects.create(
            apple_pass=apple_pass, generation=0, digest=tokens.digest(first), created_at=now
        )
    return offer


def claim_google(token: str) -> str:
    """The link to save a card that is at Google by then: a new one, or the one offered a moment ago.

    Google is asked while nothing is locked, so whatever was true before is looked at again afterwards. A
    card that was made in vain stays at Google, where nobody ever gets a link to it. Raises `NotFound`,
    `Gone`, `Conflict` (`InUse`, `Suspended`, a design without Google), and `GoogleUnavailable`.
    """
    with transaction.atomic():
        credential = _claimable_for_google(token)
        offer = offers.fresh(credential, Wallet.GOOGLE, now=timezone.now())
    return google_offers.save_link(offer or _new_card(credential, token=token))


def _new_card(credential: Credential, *, token: str) -> WalletPass:
    offer = offers.draft(credential, Wallet.GOOGLE, now=timezone.now())
    card = google_offers.insert(offer)
    with transaction.atomic():
        now = timezone.now()
        offer.credential, offer.offered_at = _claimable_for_google(token), now
        if fresh := offers.fresh(offer.credential, Wallet.GOOGLE, now=now):
            return fresh
        offers.record(offer, now=now)
        google_offers.record(card, now=now)
    return offer


def _claimable_for_google(token: str) -> Credential:
    credential = access.claimable(token).credential
    if not credential.credential_type.google_enabled:
        raise Conflict("This pass is not made for Google Wallet.")
    return credential


def _whole(moment: datetime) -> datetime:
    # HTTP dates have no fractions; a stored one would never equal what a device echoes.
    return moment.replace(microsecond=0)

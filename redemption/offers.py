"""Offers: passes that a claim has made and no wallet has reported yet."""

from __future__ import annotations

from datetime import datetime, timedelta

from credentials import lifecycle, tokens
from credentials.models import Credential, WalletPass
from credentials.states import PassState, Wallet

# How long an offer can be fetched, and the same one is given again.
OFFER_LIFETIME = timedelta(minutes=10)
# So many offers of a credential may be open at once; older ones are voided.
MOST_OFFERS = 5


def is_fresh(offer: WalletPass, *, now: datetime) -> bool:
    """Whether an offer can still be fetched."""
    return offer.state == PassState.OFFERED and now < offer.offered_at + OFFER_LIFETIME


def fresh(credential: Credential, wallet: Wallet, *, now: datetime) -> WalletPass | None:
    """The newest offer for this wallet that can still be fetched."""
    return credential.wallet_passes.filter(
        wallet=wallet, state=PassState.OFFERED, offered_at__gt=now - OFFER_LIFETIME
    ).last()


def draft(credential: Credential, wallet: Wallet, *, now: datetime) -> WalletPass:
    """A pass that is not on record yet, and still without a value."""
    return WalletPass(
        credential=credential,
        wallet=wallet,
        serial_number=tokens.mint_serial_number(),
        offered_at=now,
    )


def record(offer: WalletPass, *, now: datetime) -> None:
    """Puts a draft on record; its credential is held."""
    lifecycle.void_offers(offer.credential, now=now, keep=MOST_OFFERS - 1)
    offer.save(force_insert=True)

"""Offers of cards: an object is at Google before its pass is on record, and is saved by a link of ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from credentials.errors import Unavailable
from credentials.models import WalletPass
from credentials.values import current_value_key
from redemption.google import classes, save_links
from redemption.google.design import Body, without_unset
from redemption.google.errors import GoogleFailure, NotInvited
from redemption.google.issuers import note_refusal, note_success, ready_issuers
from redemption.google.pass_content import object_body
from redemption.google.rest import Google
from redemption.models import GoogleClass, GoogleIssuer, GooglePass

logger = logging.getLogger(__name__)

ACTOR = "google"
# When Google is asked for the first time whether somebody has the card: its message may have got lost.
FIRST_CHECK = timedelta(minutes=1)


class GoogleUnavailable(Unavailable):
    """Google cannot be reached, or does not do for this account what a claim needs."""


@dataclass(frozen=True)
class InsertedCard:
    """An object that is at Google, and what it was made of."""

    wallet_pass: WalletPass
    google_class: GoogleClass
    body: Body = field(repr=False)


def insert(offer: WalletPass) -> InsertedCard:
    """Gives a pass its value, and has its object at Google. Raises `GoogleUnavailable`.

    Nothing may be locked meanwhile: Google can take its time.
    """
    kind = offer.credential.credential_type
    issuer = ready_issuers(kind.account_id).select_related("account").first()
    if issuer is None:
        raise GoogleUnavailable("No Google issuer is set up for this pass.")
    with _asking(issuer):
        google = Google(issuer)
        google_class = classes.class_at_google(kind, google=google)
        offer.value_key = current_value_key(offer.credential.account)
        body = object_body(offer, google_class=google_class, now=timezone.now())
        google.insert_object(without_unset(body))
    if issuer.refused_at is not None:
        note_success(issuer)
    return InsertedCard(offer, google_class, body)


def record(card: InsertedCard, *, now: datetime) -> None:
    """Keeps what is known of a card whose pass is on record now; called in that transaction.

    What changed since it was made is owed to it at once: nobody could mark a pass that was not there yet.
    """
    google_class = card.google_class
    google_class.credential_type = card.wallet_pass.credential.credential_type
    is_current = object_body(card.wallet_pass, google_class=google_class, now=now) == card.body
    GooglePass.objects.create(
        wallet_pass=card.wallet_pass,
        google_class=google_class,
        modified_at=now,
        patch_due_at=None if is_current else now,
        patched_at=now,
        check_due_at=now + FIRST_CHECK,
    )


def save_link(offer: WalletPass) -> str:
    """The link by which whoever follows it saves the card, minted now. Raises `GoogleUnavailable`."""
    rows = GooglePass.objects.select_related("google_class__issuer__account", "wallet_pass")
    google_pass = rows.get(wallet_pass=offer)
    with _asking(google_pass.google_class.issuer):
        return save_links.mint(google_pass)


@contextmanager
def _asking(issuer: GoogleIssuer) -> Iterator[None]:
    try:
        yield
    except GoogleFailure as failure:
        if isinstance(failure, NotInvited):
            note_refusal(issuer, sentence=failure.sentence, actor=ACTOR)
        else:
            logger.error("no card can be offered for issuer %s: %s", issuer.issuer_id, failure.sentence)
        raise GoogleUnavailable(failure.sentence) from failure

"""Moves devices on to newer authentication tokens, which are never read back: only digests are kept.

A device presents its token in clear when it fetches an update; the answer carries that token on, or a
fresh one. Several digests of a pass live side by side. One is retired when every registered device has
been seen with a newer one, or when a newer one has been out for the time of grace.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Min

from credentials import tokens
from redemption.apple.authentication import Presented
from redemption.models import AppleAuthenticationToken

# A token older than this is replaced at the next update.
LIFETIME = timedelta(days=30)
# A device that was off for so long after its token was replaced is told 401 from then on.
GRACE = timedelta(days=180)


def carry_on(found: Presented, *, now: datetime) -> str:
    """The token for the pass that answers this request; `found` was presented under the credential's lock."""
    _note_seen(found)
    retire(found, now=now)
    if found.token.generation and found.token.created_at > now - LIFETIME:
        return found.text
    # The first one can be derived by whoever knows the redemption URL: it goes at the first update.
    newest = found.apple_pass.authentication_tokens.order_by("generation").last()
    text = tokens.mint_authentication_token()
    AppleAuthenticationToken.objects.create(
        apple_pass=found.apple_pass,
        generation=(newest or found.token).generation + 1,
        digest=tokens.digest(text),
        created_at=now,
    )
    return text


def retire(found: Presented, *, now: datetime) -> None:
    """Ends the digests that no registered device uses any more, and those whose grace is over."""
    live = found.apple_pass.authentication_tokens
    seen = found.apple_pass.registrations.aggregate(oldest=Min("generation"))["oldest"]
    if seen is not None:
        live.filter(generation__lt=seen).delete()
    settled = live.filter(created_at__lt=now - GRACE).order_by("generation").last()
    if settled is not None:
        live.filter(generation__lt=settled.generation).exclude(pk=found.token.pk).delete()


def _note_seen(found: Presented) -> None:
    """The path of an update names no device: only a pass with a single one tells whose token this is."""
    registrations = list(found.apple_pass.registrations.all()[:2])
    if len(registrations) == 1 and registrations[0].generation < found.token.generation:
        found.apple_pass.registrations.update(generation=found.token.generation)

"""What Google's messages and answers say of a pass, and what follows from it.

Google says when somebody saved or removed an object, but not who and not in which order; and it answers
whether anybody has it, but not how fresh that is. So neither is believed against the other at once: messages
are counted, Google is asked, and where the two differ it is asked again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from credentials import lifecycle
from credentials.models import WalletPass
from credentials.states import Evidence, PassState
from redemption.google import updates
from redemption.models import GooglePass

ACTOR = "google"

# Looks while messages and answers differ; after the last one Google's answer stands.
DOUBTFUL = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
# Looks at a pass that nobody has, counted from when it could last be saved; then one a day.
WAITING = (
    *(timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=2), timedelta(hours=12)),
)
DAILY = timedelta(days=1)
LONGEST_WAIT = timedelta(days=30)


def hold(pk: int) -> tuple[WalletPass, GooglePass]:
    """Both sides of a pass, locked until the transaction ends: the credential first, as always."""
    held = WalletPass.objects.held().get(pk=pk)
    return held, GooglePass.objects.select_for_update(no_key=True).get(pk=pk)


def count_save(held: WalletPass, google_pass: GooglePass) -> None:
    """Somebody saved it, says a message; unless more removals are known, it is installed at once.

    That is the safe side, whatever Google answers later: while a pass is installed, its URL adds no other.
    """
    google_pass.saves += 1
    _keep_count(google_pass)
    if google_pass.saves > google_pass.removals or held.state == PassState.VOIDED:
        _install(held, by=Evidence.CALLBACK)


def count_removal(google_pass: GooglePass) -> None:
    """Somebody removed it, says a message; others may have it still, so this alone removes nothing."""
    google_pass.removals += 1
    _keep_count(google_pass)


def believe(held: WalletPass, google_pass: GooglePass, *, has_users: bool, by: Evidence) -> None:
    """Google was asked and has answered: makes it true here, unless its messages say otherwise for now."""
    now = timezone.now()
    differs = _differs(google_pass, has_users=has_users)
    is_doubtful = differs and google_pass.checks < len(DOUBTFUL)
    if has_users:
        _install(held, by=by)
    elif not is_doubtful:
        lifecycle.remove_from_wallet(held, devices=0, actor=ACTOR)
    google_pass.check_due_at = now + DOUBTFUL[google_pass.checks] if is_doubtful else next_look(held, now=now)
    google_pass.checks = google_pass.checks + is_doubtful if differs else 0
    google_pass.has_users, google_pass.checked_at = has_users, now
    google_pass.save(update_fields=["has_users", "checked_at", "check_due_at", "checks"])


def next_look(wallet_pass: WalletPass, *, now: datetime) -> datetime | None:
    """When Google is asked about it next, if nothing happens until then; never about one that was voided."""
    if wallet_pass.state == PassState.VOIDED:
        return None
    if wallet_pass.state == PassState.INSTALLED:
        return now + DAILY
    since = wallet_pass.removed_at or wallet_pass.offered_at
    looks = [since + wait for wait in WAITING if since + wait > now]
    look = looks[0] if looks else now + DAILY
    return look if look <= since + LONGEST_WAIT else None


def _keep_count(google_pass: GooglePass) -> None:
    # Doubt begins anew. Whoever counts asks Google next; should it die before, the reconciler does.
    google_pass.checks, google_pass.check_due_at = 0, timezone.now() + DOUBTFUL[0]
    google_pass.save(update_fields=["saves", "removals", "checks", "check_due_at"])


def _install(held: WalletPass, *, by: Evidence) -> None:
    """It is in a wallet. One that lost or has ended must say so there, once more if it did already."""
    if not lifecycle.add_to_wallet(held, devices=1, by=by, actor=ACTOR):
        updates.owe(GooglePass.objects.filter(pk=held.pk), now=timezone.now())


def _differs(google_pass: GooglePass, *, has_users: bool) -> bool:
    """Whether the messages say otherwise; without any, they say nothing."""
    if not google_pass.saves and not google_pass.removals:
        return False
    return has_users != (google_pass.saves > google_pass.removals)

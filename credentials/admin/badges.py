"""Small coloured words, and links between rows."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from credentials.models import Credential, OwedMail, WalletPass
from credentials.states import Evidence, PassState, State

NOTHING = "–"

_TONES = {
    State.INVITED: "waiting",
    State.ADDED_TO_WALLET: "good",
    State.REMOVED_FROM_WALLET: "attention",
    State.REVOKED: "bad",
    State.EXPIRED: "over",
    PassState.OFFERED: "waiting",
    PassState.INSTALLED: "good",
    PassState.REMOVED: "attention",
    PassState.VOIDED: "over",
}


def badge(words: str, tone: str) -> SafeString:
    """`tone`: good, waiting, attention, bad or over."""
    return format_html('<span class="badge badge-{}">{}</span>', tone, words)


def standing(credential: Credential, *, now: datetime) -> SafeString:
    """Where it stands at `now`: a date that has passed counts before it is recorded."""
    ended = credential.state == State.REVOKED
    state = State.EXPIRED if not ended and credential.has_expired(now) else State(credential.state)
    shown = badge(str(state.label).capitalize(), _TONES[state])
    if state in (State.REVOKED, State.EXPIRED):
        return shown
    if credential.suspended_at is not None:
        shown = format_html("{} {}", shown, badge("Suspended", "attention"))
    if credential.is_closed(now):
        words = "Awaits approval" if credential.awaits_approval else "URL pauses"
        shown = format_html("{} {}", shown, badge(words, "attention"))
    return shown


def pass_state(state: str) -> SafeString:
    """Where one delivery stands."""
    known = PassState(state)
    return badge(str(known.label), _TONES[known])


def mail_state(mail: OwedMail) -> SafeString:
    """What became of a mail that was asked for."""
    if mail.sent_at is not None:
        return badge("Sent", "good")
    return badge("Failed", "bad") if mail.failed_at is not None else badge("Owed", "waiting")


def evidence(wallet_pass: WalletPass) -> str:
    """By what it was last known to be in a wallet, and when, in UTC."""
    if wallet_pass.confirmed_at is None:
        return NOTHING
    return f"{Evidence(wallet_pass.confirmed_by).label}, {wallet_pass.confirmed_at:%Y-%m-%d %H:%M}"


def day(moment: datetime | None) -> str:
    """The date alone, in UTC, as lists have room for it."""
    return f"{moment:%Y-%m-%d}" if moment else NOTHING


def link(row: Model | None, words: str = "") -> SafeString | str:
    """A link to the page of `row` in the admin."""
    if row is None:
        return NOTHING
    page = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return format_html('<a href="{}">{}</a>', reverse(page, args=[row.pk]), words or str(row))

"""How an endpoint fares, in a word for lists and in a sentence for its page."""

from __future__ import annotations

from datetime import datetime

from django.utils.safestring import SafeString

from credentials.admin.badges import NOTHING, badge
from webhooks.models import Endpoint


def standing(endpoint: Endpoint, *, now: datetime) -> SafeString:
    """Whether it is sent to at `now`."""
    if endpoint.deleted_at is not None:
        return badge("Deleted", "over")
    if endpoint.disabled_at is not None:
        return badge("Disabled", "bad")
    if endpoint.paused(now):
        return badge("Paused", "attention")
    return badge("Failing", "attention") if endpoint.failing_since else badge("Enabled", "good")


def in_words(endpoint: Endpoint, *, now: datetime) -> str:
    """Since when, until when, and why."""
    if endpoint.deleted_at is not None:
        return NOTHING
    if endpoint.disabled_at is not None:
        reason = endpoint.get_disabled_reason_display()
        return f"{reason}; nothing is sent since {minute(endpoint.disabled_at)}."
    if endpoint.failing_since is None:
        return "No attempt has failed since its last success."
    since = minute(endpoint.failing_since)
    failures = f"{endpoint.consecutive_failures} attempts in a row have failed since {since}."
    if endpoint.paused_until is None or not endpoint.paused(now):
        return failures
    return f"{failures} It is left alone until {minute(endpoint.paused_until)}; a test message tries at once."


def minute(moment: datetime) -> str:
    """A time to the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"

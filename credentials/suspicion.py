"""What looks suspicious about the use of a credential, and what is done about it.

The rules are a table; an account may set other thresholds. Whoever counts (`redemption/suspicion.py`) reports
here, and each rule is heard once in its own time, however often it is reported.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, F, OuterRef, TextChoices

from credentials import lifecycle
from credentials.errors import Invalid
from credentials.event_types import EventType
from credentials.events import record_all, record_for_credential
from credentials.models import Account, Credential, Event
from credentials.states import LIVE

ACTOR = "suspicion"
FIELD = "suspicion_thresholds"
MOST_USES = 10_000
# A counter lives so long in the cache, and no longer.
SHORTEST, LONGEST = 60, 30 * 86_400


class Rule(TextChoices):
    """What is counted; more than so much of it is suspicious."""

    OPENED_FROM_MANY_NETWORKS = "opened_from_many_networks"  # networks (/24, /48) from which a URL was opened
    CLAIMS_WHILE_IN_USE = "claims_while_in_use"  # claims that were refused because a pass is in a wallet
    RAPID_ADD_REMOVE = "rapid_add_remove"  # removals from a wallet
    WRONG_AUTHENTICATION_TOKENS = "wrong_authentication_tokens"  # calls for a pass with a token not its own
    TOO_MANY_DEVICES = "too_many_devices"  # devices that have the pass, counted when one registers


# Whoever guesses is suspected of nothing about a credential: the limit of failed look-ups is its threshold.
GUESSING = "guessing"
GUESSING_TOLD_AGAIN = timedelta(hours=1)


class Threshold(NamedTuple):
    """More than so many uses within so many seconds are too many."""

    uses: int
    seconds: int


DEFAULTS = {
    Rule.OPENED_FROM_MANY_NETWORKS: Threshold(10, 86_400),
    Rule.CLAIMS_WHILE_IN_USE: Threshold(10, 3_600),
    Rule.RAPID_ADD_REMOVE: Threshold(10, 3_600),
    Rule.WRONG_AUTHENTICATION_TOKENS: Threshold(20, 3_600),
    # One person's phone, watch, tablet and computers share a pass.
    Rule.TOO_MANY_DEVICES: Threshold(10, 86_400),
}


def threshold(account: Account, rule: Rule) -> Threshold:
    """What `account` takes for too many: its own pair, else the default."""
    return Threshold(*account.suspicion_thresholds.get(rule, DEFAULTS[rule]))


def check_thresholds(value: object) -> None:
    """Raises `Invalid` unless `value` is an object of rules, each with `[uses, seconds]`; it may be empty."""
    if not isinstance(value, dict):
        raise Invalid(FIELD, 'This must be an object such as {"claims_while_in_use": [5, 3600]}.')
    for rule, pair in value.items():
        if rule not in Rule.values:
            raise Invalid(FIELD, f"“{rule}” is no rule; there are {', '.join(Rule.values)}.")
        _check_pair(rule, pair)


def report(credential: Credential, *, rule: Rule, now: datetime, actor: str = ACTOR) -> bool:
    """Writes `security.suspicious_activity`, and suspends the credential where its account wants that.

    One event for each rule within its time; false when there is one already, or the credential has ended.
    """
    with transaction.atomic():
        rows = Credential.objects.select_related("person", "credential_type", "account")
        held = rows.select_for_update(of=("self",), no_key=True).get(pk=credential.pk)
        limit = threshold(held.account, rule)
        if held.state not in LIVE or held.has_expired(now) or _is_known(held, rule, limit=limit, now=now):
            return False
        Credential.objects.filter(pk=held.pk).update(sequence=F("sequence") + 1)
        held.refresh_from_db(fields=["sequence"])
        told = {"suspicion": {"rule": str(rule), **limit._asdict()}}
        record_for_credential(
            EventType.SECURITY_SUSPICIOUS_ACTIVITY,
            held,
            installed=held.installed_pass,
            actor=actor,
            now=now,
            told=told,
        )
        if held.account.suspend_on_suspicion:
            lifecycle.suspend(held, actor=actor)
    return True


def report_guessing(*, limit: Threshold, now: datetime, actor: str = ACTOR) -> None:
    """Tells every account, once an hour, that somebody tries secrets that do not exist."""
    events = Event.objects.filter(account=OuterRef("pk"), type=EventType.SECURITY_SUSPICIOUS_ACTIVITY)
    told = events.filter(created_at__gt=now - GUESSING_TOLD_AGAIN, data__suspicion__rule=GUESSING)
    with transaction.atomic():
        record_all(
            [
                Event(
                    account=account,
                    type=EventType.SECURITY_SUSPICIOUS_ACTIVITY,
                    actor=actor,
                    created_at=now,
                    data={"suspicion": {"rule": GUESSING, **limit._asdict()}},
                )
                for account in Account.objects.exclude(Exists(told))
            ]
        )


def _check_pair(rule: str, pair: object) -> None:
    numbers = pair if isinstance(pair, list | tuple) else ()
    # Not isinstance(): true and false are numbers there.
    if len(numbers) != len(Threshold._fields) or any(type(number) is not int for number in numbers):
        raise Invalid(FIELD, f"“{rule}” needs two whole numbers: [uses, seconds].")
    uses, seconds = numbers
    if not 1 <= uses <= MOST_USES:
        raise Invalid(FIELD, f"The uses of “{rule}” must be between 1 and {MOST_USES}.")
    if not SHORTEST <= seconds <= LONGEST:
        raise Invalid(FIELD, f"The seconds of “{rule}” must be between {SHORTEST} and {LONGEST}.")


def _is_known(credential: Credential, rule: Rule, *, limit: Threshold, now: datetime) -> bool:
    events = credential.events.filter(type=EventType.SECURITY_SUSPICIOUS_ACTIVITY)
    since = now - timedelta(seconds=limit.seconds)
    return events.filter(created_at__gt=since, data__suspicion__rule=rule).exists()

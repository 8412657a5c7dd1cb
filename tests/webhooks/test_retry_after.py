"""Receivers that ask to be left alone for a while: all messages wait, and nobody is alarmed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from credentials.models import Account
from tests import factories
from tests.webhooks.callers import Caller
from tests.webhooks.receivers import Hook
from webhooks.dispatch import deliver_due
from webhooks.health import Noted, note
from webhooks.leases import PER_UNKNOWN_ENDPOINT
from webhooks.models import Delivery, DeliveryStatus, Endpoint
from webhooks.outcomes import Outcome

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def _answers(hook: Hook, status: int, *, retry_after: int) -> None:
    hook.receiver.status, hook.receiver.headers = status, {"Retry-After": str(retry_after)}


def _pause(endpoint: Endpoint) -> timedelta | None:
    """How long it is left alone from now on."""
    endpoint.refresh_from_db()
    return None if endpoint.paused_until is None else endpoint.paused_until - timezone.now()


def _told(account: Account) -> list[str]:
    types = account.events.filter(actor="system").order_by("id").values_list("type", flat=True)
    return [event_type.partition(".")[2] for event_type in types]


@pytest.mark.parametrize("status", [429, 503])
def test_all_messages_wait_as_long_as_one_was_asked_to(hook: Hook, acme: Account, status: int) -> None:
    _answers(hook, status, retry_after=600)
    for _ in range(40):
        factories.credential(acme)
    assert deliver_due() == {Outcome.FAILED: PER_UNKNOWN_ENDPOINT}
    pause = _pause(hook.endpoint)
    assert pause is not None
    assert 590 * SECOND < pause <= 600 * SECOND
    assert Delivery.objects.filter(status=DeliveryStatus.PENDING, failures=0).count() == 38


def test_after_the_wait_one_message_tries_and_the_others_follow(hook: Hook, acme: Account) -> None:
    _answers(hook, 429, retry_after=600)
    for _ in range(5):
        factories.credential(acme)
    deliver_due()
    Endpoint.objects.update(paused_until=timezone.now())
    assert deliver_due() == {Outcome.FAILED: 1}
    Endpoint.objects.update(paused_until=timezone.now())
    hook.receiver.status = 204
    assert deliver_due() == {Outcome.SUCCEEDED: 2}
    assert _told(acme) == []


def test_an_endpoint_is_left_alone_for_an_hour_at_most(hook: Hook, acme: Account) -> None:
    _answers(hook, 429, retry_after=86_400)
    factories.credential(acme)
    deliver_due()
    pause = _pause(hook.endpoint)
    assert pause is not None
    assert HOUR - MINUTE < pause <= HOUR
    # The message itself waits as long as it was asked to.
    assert Delivery.objects.get().next_attempt_at > timezone.now() + 23 * HOUR


@pytest.mark.parametrize(("status", "retry_after"), [(500, 600), (404, 600), (429, 0)])
def test_what_asks_for_nothing_or_for_one_message_pauses_nobody(
    hook: Hook, acme: Account, status: int, retry_after: int
) -> None:
    _answers(hook, status, retry_after=retry_after)
    factories.credential(acme)
    deliver_due()
    assert _pause(hook.endpoint) is None


def test_whoever_may_know_better_ends_the_wait(hook: Hook, acme: Account, caller: Caller) -> None:
    _answers(hook, 429, retry_after=600)
    for _ in range(5):
        factories.credential(acme)
    deliver_due()
    hook.receiver.status = 204
    caller.patch(f"webhook_endpoints/{hook.endpoint.public_id}", {"enabled": True})
    assert deliver_due() == {Outcome.SUCCEEDED: 3}


def _note(hook: Hook, *answers: tuple[int, int | None], at: datetime, now: datetime) -> Endpoint:
    """Each answer is a status, with the seconds of its Retry-After."""
    # It has been as it is for long.
    Endpoint.objects.update(updated_at=at - HOUR)
    outcomes = {204: Outcome.SUCCEEDED}
    noted = [
        Noted(at, outcomes.get(status, Outcome.FAILED), status, hook.endpoint.url, retry_after)
        for status, retry_after in answers
    ]
    note({hook.endpoint.pk: noted}, failing=[hook.endpoint.pk], now=now)
    hook.endpoint.refresh_from_db()
    return hook.endpoint


def test_what_was_on_its_way_when_it_asked_does_not_end_the_wait(hook: Hook) -> None:
    now = timezone.now()
    until = _note(hook, (429, 60), (204, None), at=now, now=now).paused_until
    assert until == now + MINUTE
    assert _note(hook, (204, None), at=now, now=now + SECOND).paused_until == until
    # What still comes in may ask for more, but not for less.
    assert _note(hook, (429, 10), at=now, now=now + 2 * SECOND).paused_until == until
    assert _note(hook, (429, 90), at=now, now=now + 2 * SECOND).paused_until == now + 92 * SECOND
    assert _note(hook, (204, None), at=now + 92 * SECOND, now=now + 93 * SECOND).failing_since is None


def test_who_asks_and_goes_on_failing_is_told_of_once(hook: Hook, acme: Account) -> None:
    now = timezone.now()
    _note(hook, *[(429, 60)] * 5, at=now, now=now)
    assert _told(acme) == []
    for minutes in (1, 2, 3):
        _note(hook, (429, 60), at=now + minutes * MINUTE, now=now + minutes * MINUTE)
    assert _told(acme) == ["failing"]
    _note(hook, (204, None), at=now + 8 * MINUTE, now=now + 8 * MINUTE)
    assert _told(acme) == ["failing", "recovered"]


def test_a_short_wait_takes_nothing_from_the_pause_of_who_keeps_failing(hook: Hook) -> None:
    now = timezone.now()
    _note(hook, *[(503, 1)] * 5, at=now, now=now)
    endpoint = _note(hook, (503, 1), at=now + 4 * MINUTE, now=now + 4 * MINUTE)
    assert endpoint.paused_until == now + 8 * MINUTE

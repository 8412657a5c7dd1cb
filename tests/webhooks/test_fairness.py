"""Who is sent how many at a time: more where it answers, less where it fails, nothing while it is paused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from credentials.models import Account
from tests import factories
from tests.webhooks.receivers import Hook, Receiver, hook_to
from webhooks.claims import Message, claim
from webhooks.dispatch import deliver_due
from webhooks.finishing import Sent, finish
from webhooks.leases import AT_A_VISIT, PER_ENDPOINT, PER_UNKNOWN_ENDPOINT
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.outcomes import Outcome
from webhooks.transport import Result


@pytest.fixture
def hooks(acme: Account, receiver: Receiver) -> list[Hook]:
    """Three endpoints, each with more than it may have on its way."""
    hooks = [hook_to(receiver, account=acme) for _ in range(3)]
    for _ in range(2 * PER_ENDPOINT):
        factories.credential(acme)
    return hooks


def _per_endpoint(messages: list[Message], hooks: list[Hook]) -> list[int]:
    counts = Counter(message.endpoint_id for message in messages)
    return [counts[hook.endpoint.pk] for hook in hooks]


def test_an_endpoint_gets_more_once_it_answers_promptly(hooks: list[Hook]) -> None:
    known = [hooks[1].endpoint.pk]
    claimed = claim(token="a", limit=100, prompt=known)
    assert _per_endpoint(claimed, hooks) == [PER_UNKNOWN_ENDPOINT, PER_ENDPOINT, PER_UNKNOWN_ENDPOINT]
    assert claim(token="b", limit=100, prompt=known) == []


def test_the_next_claim_goes_on_with_the_next_endpoint(hooks: list[Hook]) -> None:
    prompt = [hook.endpoint.pk for hook in hooks]
    first = claim(token="a", limit=AT_A_VISIT, prompt=prompt)
    second = claim(token="a", limit=AT_A_VISIT, after=first[-1].endpoint_id, prompt=prompt)
    third = claim(token="a", limit=2 * AT_A_VISIT, after=second[-1].endpoint_id, prompt=prompt)
    assert _per_endpoint(first, hooks) == [AT_A_VISIT, 0, 0]
    assert _per_endpoint(second, hooks) == [0, AT_A_VISIT, 0]
    # The last of them, and round again.
    assert _per_endpoint(third, hooks) == [AT_A_VISIT, 0, AT_A_VISIT]


def test_each_gets_a_few_before_any_gets_many(hooks: list[Hook]) -> None:
    prompt = [hook.endpoint.pk for hook in hooks]
    claimed = claim(token="a", limit=3 * AT_A_VISIT + 1, prompt=prompt)
    assert _per_endpoint(claimed, hooks) == [AT_A_VISIT + 1, AT_A_VISIT, AT_A_VISIT]


def test_what_was_answered_makes_room_for_as_much(hooks: list[Hook]) -> None:
    claimed = claim(token="a", limit=100)
    arrived = Result(outcome=Outcome.SUCCEEDED, duration_ms=1, status=204)
    finish([Sent(message, timezone.now(), arrived) for message in claimed[:3]], token="a")
    assert len(claim(token="a", limit=100)) == 3


def test_a_failing_endpoint_is_sent_one_at_a_time(hooks: list[Hook]) -> None:
    failing = Endpoint.objects.filter(pk=hooks[0].endpoint.pk)
    failing.update(failing_since=timezone.now(), consecutive_failures=1)
    claimed = claim(token="a", limit=100, prompt=[hook.endpoint.pk for hook in hooks])
    assert _per_endpoint(claimed, hooks) == [1, PER_ENDPOINT, PER_ENDPOINT]
    assert {message.failing for message in claimed if message.endpoint_id == hooks[0].endpoint.pk} == {True}


@pytest.mark.parametrize(("minutes", "expected"), [(5, 0), (-5, 1)])
def test_a_paused_endpoint_is_left_alone_and_then_tried_with_one(
    hooks: list[Hook], minutes: int, expected: int
) -> None:
    now = timezone.now()
    Endpoint.objects.filter(pk=hooks[0].endpoint.pk).update(
        failing_since=now, consecutive_failures=9, paused_until=now + timedelta(minutes=minutes)
    )
    claimed = claim(token="a", limit=100)
    assert _per_endpoint(claimed, hooks) == [expected, PER_UNKNOWN_ENDPOINT, PER_UNKNOWN_ENDPOINT]
    assert _per_endpoint(claim(token="b", limit=100), hooks) == [0, 0, 0]


def test_a_pause_costs_a_delivery_no_attempt(hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    now = timezone.now()
    Endpoint.objects.update(
        failing_since=now, consecutive_failures=9, paused_until=now + timedelta(minutes=5)
    )
    assert deliver_due() == {}
    Endpoint.objects.update(paused_until=now)
    assert deliver_due() == {Outcome.SUCCEEDED: 1}
    assert Attempt.objects.count() == 1


def test_what_hangs_takes_no_more_places_than_an_unknown_endpoint_gets(acme: Account, hook: Hook) -> None:
    hook.receiver.slowness = 1.5
    for _ in range(3 * PER_UNKNOWN_ENDPOINT):
        factories.credential(acme)
    deliver_due(seconds=2.5)
    assert hook.receiver.most_at_once == PER_UNKNOWN_ENDPOINT


def test_what_is_due_later_is_not_claimed(hooks: list[Hook]) -> None:
    Delivery.objects.update(next_attempt_at=timezone.now() + timedelta(minutes=1))
    assert claim(token="a", limit=100) == []


def test_once_all_have_been_passed_in_vain_nobody_is_passed_again(
    hooks: list[Hook], django_assert_num_queries: Callable[[int], Any]
) -> None:
    assert len(claim(token="a", limit=100)) == 3 * PER_UNKNOWN_ENDPOINT
    with django_assert_num_queries(1):
        assert claim(token="a", limit=100) == []
    # Beyond the first, and then all.
    with django_assert_num_queries(2):
        assert claim(token="a", limit=100, after=hooks[0].endpoint.pk) == []

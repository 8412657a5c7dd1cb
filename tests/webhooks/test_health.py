"""The circuit breaker: who is paused, for how long, who is given up, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from credentials.models import Account
from credentials.timestamps import rfc3339
from tests import factories
from tests.webhooks.callers import Caller
from tests.webhooks.receivers import Hook, Receiver, hook_to, listening
from webhooks import endpoints
from webhooks.claims import claim
from webhooks.dispatch import deliver_due
from webhooks.finishing import Sent, finish
from webhooks.health import Noted, note
from webhooks.models import Delivery, DeliveryStatus, Endpoint
from webhooks.outcomes import Outcome
from webhooks.transport import Result

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)

Report = Callable[..., Endpoint]


@pytest.fixture
def hook(hook: Hook) -> Hook:
    """Acme's endpoint as it has been for long."""
    Endpoint.objects.update(updated_at=NOON - DAY)
    return hook


@pytest.fixture
def report(hook: Hook) -> Report:
    """Notes that attempts at Acme's endpoint ended so, all of them at one time; the endpoint afterwards."""

    def report_of(*outcomes: Outcome, now: datetime, status: int | None = 500) -> Endpoint:
        hook.endpoint.refresh_from_db()
        noted = [Noted(now, outcome, status, hook.endpoint.url) for outcome in outcomes]
        failing = [hook.endpoint.pk] if hook.endpoint.failing_since else []
        note({hook.endpoint.pk: noted}, failing=failing, now=now)
        hook.endpoint.refresh_from_db()
        return hook.endpoint

    return report_of


def trail(account: Account) -> list[str]:
    """What happened to endpoints after they were made."""
    types = account.events.filter(type__startswith="webhook_endpoint.").order_by("id")
    return [event.type.partition(".")[2] for event in types if event.type != "webhook_endpoint.created"]


def fail_for(span: timedelta, report: Report) -> Endpoint:
    """It fails ten times at noon and once more after `span`."""
    report(*[Outcome.FAILED] * 10, now=NOON)
    return report(Outcome.FAILED, now=NOON + span)


def test_a_burst_of_failures_pauses_nobody(report: Report, acme: Account) -> None:
    endpoint = report(*[Outcome.TIMED_OUT] * 50, now=NOON)
    endpoint = report(Outcome.FAILED, now=NOON + 59 * SECOND)
    assert (endpoint.failing_since, endpoint.consecutive_failures) == (NOON, 51)
    assert endpoint.paused_until is None
    assert trail(acme) == []


def test_few_failures_pause_nobody_however_long_ago_they_began(report: Report) -> None:
    for hours in (0, 1, 100):
        report(Outcome.UNREACHABLE, now=NOON + timedelta(hours=hours))
    endpoint = report(Outcome.UNREACHABLE, now=NOON + timedelta(hours=1000))
    assert endpoint.paused_until is None
    assert endpoint.enabled


def test_each_pause_is_twice_as_long_up_to_a_quarter_of_an_hour(report: Report) -> None:
    report(*[Outcome.FAILED] * 5, now=NOON)
    now, minutes = NOON + MINUTE, []
    for _ in range(7):
        pause_end = report(Outcome.FAILED, now=now).paused_until
        assert pause_end is not None
        minutes.append((pause_end - now) / MINUTE)
        now = pause_end
    assert minutes == [1, 2, 4, 8, 15, 15, 15]


def test_what_was_on_its_way_when_the_pause_began_does_not_lengthen_it(report: Report) -> None:
    paused_until = fail_for(MINUTE, report).paused_until
    endpoint = report(*[Outcome.TIMED_OUT] * 9, now=NOON + MINUTE + 15 * SECOND)
    assert endpoint.paused_until == paused_until == NOON + 2 * MINUTE
    assert endpoint.consecutive_failures == 20


def test_one_success_forgets_the_failures(report: Report, acme: Account) -> None:
    fail_for(MINUTE, report)
    endpoint = report(Outcome.SUCCEEDED, now=NOON + 2 * MINUTE)
    assert (endpoint.failing_since, endpoint.consecutive_failures, endpoint.paused_until) == (None, 0, None)
    assert trail(acme) == ["failing", "recovered"]
    recovered = acme.events.get(type="webhook_endpoint.recovered")
    assert (recovered.actor, recovered.data) == (
        "system",
        {"endpoint_id": endpoint.public_id, "failing_since": rfc3339(NOON)},
    )


def test_only_what_follows_the_last_success_counts(report: Report) -> None:
    order = (Outcome.FAILED, Outcome.FAILED, Outcome.SUCCEEDED, Outcome.FAILED)
    endpoint = report(*order, now=NOON)
    assert endpoint.consecutive_failures == 1


def test_a_failure_is_told_once_however_often_it_is_paused(report: Report, acme: Account) -> None:
    fail_for(MINUTE, report)
    for minutes in (2, 10, 60):
        report(Outcome.FAILED, now=NOON + minutes * MINUTE)
    assert trail(acme) == ["failing"]


def test_a_short_failure_ends_as_silently_as_it_began(report: Report, acme: Account) -> None:
    report(Outcome.FAILED, now=NOON)
    report(Outcome.SUCCEEDED, now=NOON + 5 * SECOND)
    assert trail(acme) == []


def test_five_days_of_failure_disable(report: Report, acme: Account) -> None:
    factories.credential(acme)
    assert fail_for(5 * DAY - SECOND, report).enabled
    endpoint = report(Outcome.FAILED, now=NOON + 5 * DAY)
    assert (endpoint.enabled, endpoint.disabled_reason, endpoint.failing_since) == (False, "failing", NOON)
    assert endpoint.paused_until is None
    assert endpoint.deliveries.get().status == DeliveryStatus.CANCELLED
    event = acme.events.get(type="webhook_endpoint.disabled")
    assert (event.actor, event.data) == (
        "system",
        {"endpoint_id": endpoint.public_id, "reason": "failing", "failing_since": rfc3339(NOON)},
    )


def test_a_success_within_five_days_begins_them_anew(report: Report) -> None:
    fail_for(4 * DAY, report)
    report(Outcome.SUCCEEDED, now=NOON + 4 * DAY + 15 * MINUTE)
    report(*[Outcome.FAILED] * 10, now=NOON + 5 * DAY)
    assert report(Outcome.FAILED, now=NOON + 9 * DAY).enabled


def test_410_disables_at_once(report: Report, acme: Account) -> None:
    endpoint = report(Outcome.SUCCEEDED, Outcome.GONE, Outcome.FAILED, now=NOON, status=410)
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, "gone")
    assert trail(acme) == ["disabled"]


def test_a_fault_on_this_side_says_nothing_of_the_receiver(report: Report) -> None:
    report(*[Outcome.INTERNAL_ERROR] * 20, now=NOON)
    endpoint = report(Outcome.INTERNAL_ERROR, now=NOON + 6 * DAY)
    assert (endpoint.failing_since, endpoint.enabled) == (None, True)


def test_what_cannot_be_signed_is_a_failure_like_others(report: Report, acme: Account) -> None:
    report(*[Outcome.UNSIGNED] * 5, now=NOON, status=None)
    assert report(Outcome.UNSIGNED, now=NOON + MINUTE, status=None).paused_until == NOON + 2 * MINUTE
    event = acme.events.get(type="webhook_endpoint.failing")
    assert (event.data["failing_since"], event.data["last_outcome"]) == (rfc3339(NOON), "unsigned")
    assert report(Outcome.UNSIGNED, now=NOON + 5 * DAY, status=None).disabled_reason == "failing"


def test_the_successes_of_a_healthy_endpoint_cost_no_query(
    hook: Hook, django_assert_num_queries: Callable[[int], Any]
) -> None:
    succeeded = [Noted(NOON, Outcome.SUCCEEDED, 204, hook.endpoint.url)] * 100
    with django_assert_num_queries(0):
        note({hook.endpoint.pk: succeeded}, failing=[], now=NOON)
        note({}, failing=[], now=NOON)


def test_who_is_sent_nothing_is_not_followed(report: Report, hook: Hook, acme: Account) -> None:
    endpoints.disable_endpoint(hook.endpoint, actor="test")
    report(*[Outcome.GONE] * 3, now=NOON)
    assert fail_for(6 * DAY, report).disabled_reason == "by_hand"
    endpoints.delete_endpoint(hook.endpoint, actor="test")
    assert report(Outcome.GONE, now=NOON).failing_since is None
    assert trail(acme) == ["disabled", "deleted"]


def test_each_endpoint_is_followed_by_itself(
    hook: Hook, receiver: Receiver, acme: Account, globex: Account
) -> None:
    other = hook_to(receiver, account=globex).endpoint
    Endpoint.objects.update(updated_at=NOON)
    ours = Noted(NOON, Outcome.GONE, 410, hook.endpoint.url)
    theirs = Noted(NOON, Outcome.FAILED, 500, other.url)
    note({hook.endpoint.pk: [ours], other.pk: [theirs]}, failing=[], now=NOON)
    other.refresh_from_db()
    assert (other.enabled, other.consecutive_failures) == (True, 1)
    assert (trail(acme), trail(globex)) == (["disabled"], [])


def test_the_api_shows_how_an_endpoint_fares(report: Report, hook: Hook, caller: Caller) -> None:
    path = f"webhook_endpoints/{hook.endpoint.public_id}"
    now = datetime.now(UTC)
    report(*[Outcome.FAILED] * 10, now=now - MINUTE)
    report(Outcome.FAILED, now=now)
    shown = caller.get(path).json()
    assert (shown["failing_since"], shown["paused_until"]) == (rfc3339(now - MINUTE), rfc3339(now + MINUTE))
    Endpoint.objects.update(paused_until=now)
    assert caller.get(path).json()["paused_until"] is None
    report(Outcome.SUCCEEDED, now=now)
    shown = caller.get(path).json()
    assert (shown["failing_since"], shown["paused_until"]) == (None, None)


@pytest.mark.parametrize(
    ("method", "call", "body"),
    [("POST", "/test", {}), ("PATCH", "", {"enabled": True}), ("PATCH", "", {"url": "https://new.example/"})],
)
def test_whoever_may_know_better_ends_a_pause(
    report: Report, hook: Hook, caller: Caller, method: str, call: str, body: dict[str, Any]
) -> None:
    now = datetime.now(UTC)
    report(*[Outcome.FAILED] * 10, now=now - MINUTE)
    assert report(Outcome.FAILED, now=now).paused(datetime.now(UTC))
    path = f"webhook_endpoints/{hook.endpoint.public_id}"
    assert caller.call(method, path + call, body).status_code < 300
    assert caller.get(path).json()["paused_until"] is None


def test_an_answer_from_a_former_url_says_nothing_of_the_present_one(
    hook: Hook, acme: Account, caller: Caller
) -> None:
    factories.credential(acme)
    [message] = claim(token="a", limit=1)
    with listening() as present:
        caller.patch(f"webhook_endpoints/{hook.endpoint.public_id}", {"url": present.url})
        gone = Result(outcome=Outcome.GONE, duration_ms=1, status=410)
        finish([Sent(message, datetime.now(UTC), gone)], token="a")
        hook.endpoint.refresh_from_db()
        assert (hook.endpoint.enabled, hook.endpoint.failing_since) == (True, None)
        # And the present one is sent the message.
        Delivery.objects.update(next_attempt_at=datetime.now(UTC))
        assert deliver_due() == {Outcome.SUCCEEDED: 1}
        assert [received.message_id for received in present.received] == [message.message_id]


def test_an_answer_from_before_it_was_enabled_again_comes_too_late(
    hook: Hook, acme: Account, caller: Caller
) -> None:
    factories.credential(acme)
    [message] = claim(token="a", limit=1)
    began = datetime.now(UTC)
    for enabled in (False, True):
        caller.patch(f"webhook_endpoints/{hook.endpoint.public_id}", {"enabled": enabled})
    finish([Sent(message, began, Result(outcome=Outcome.GONE, duration_ms=1, status=410))], token="a")
    hook.endpoint.refresh_from_db()
    assert (hook.endpoint.enabled, hook.endpoint.failing_since) == (True, None)


def test_enabling_begins_with_a_clean_slate(report: Report, hook: Hook, caller: Caller) -> None:
    path = f"webhook_endpoints/{hook.endpoint.public_id}"
    fail_for(5 * DAY, report)
    assert caller.get(path).json()["disabled_reason"] == "failing"
    shown = caller.patch(path, {"enabled": True}).json()
    assert (shown["enabled"], shown["failing_since"], shown["paused_until"]) == (True, None, None)


def test_the_audit_trail_tells_over_the_api(report: Report, hook: Hook, caller: Caller) -> None:
    fail_for(5 * DAY, report)
    for kind in ("failing", "disabled"):
        [event] = caller.get(f"events?type=webhook_endpoint.{kind}").json()["data"]
        assert (event["actor"], event["data"]["endpoint_id"]) == ("system", hook.endpoint.public_id)


def test_fifo_is_chosen_and_changed(hook: Hook, caller: Caller) -> None:
    shown = caller.post("webhook_endpoints", {"url": hook.receiver.url, "fifo": True}).json()
    assert shown["fifo"] is True
    assert caller.patch(f"webhook_endpoints/{shown['id']}", {"fifo": False}).json()["fifo"] is False
    for wrong in ("yes", 1, None):
        answer = caller.patch(f"webhook_endpoints/{shown['id']}", {"fifo": wrong})
        assert list(answer.json()["errors"]) == ["fifo"]

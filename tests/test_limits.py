"""Counting within limits, wherever the counters are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from pytest_django import Settings

from credentials import limits
from credentials.limits import Use

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("limited")


@pytest.fixture
def stopped_clock() -> Iterator[time_machine.Traveller]:
    """It is NOW."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def three_a_minute(settings: Settings) -> None:
    """The API takes three calls a minute."""
    settings.RATE_LIMITS = {"api": "3/m", "claims": "3/m"}


@pytest.mark.usefixtures("stopped_clock", "three_a_minute")
def test_uses_are_counted_up_to_the_limit() -> None:
    allowances = [limits.check("api", "somebody") for _ in range(5)]
    assert [allowance.exceeded for allowance in allowances] == [False, False, False, True, True]
    assert [allowance.used for allowance in allowances] == [1, 2, 3, 4, 5]
    assert {(allowance.group, allowance.limit, allowance.window) for allowance in allowances} == {
        ("api", 3, 60)
    }


@pytest.mark.usefixtures("stopped_clock", "three_a_minute")
def test_keys_and_groups_are_counted_apart() -> None:
    assert [limits.check("api", key).used for key in ("one", "two", "one")] == [1, 1, 2]
    assert limits.check("claims", "one").used == 1


@pytest.mark.usefixtures("stopped_clock", "three_a_minute")
def test_a_look_counts_nothing_and_tells_whether_one_more_is_too_many() -> None:
    for used in range(4):
        looks = [limits.check("api", "somebody", increment=False) for _ in range(2)]
        assert [look.used for look in looks] == [used, used]
        assert [look.exceeded for look in looks] == [used >= 3] * 2
        limits.check("api", "somebody")


@pytest.mark.usefixtures("three_a_minute")
def test_a_new_window_begins_when_it_was_said_to(stopped_clock: time_machine.Traveller) -> None:
    allowance = [limits.check("api", "somebody") for _ in range(4)][-1]
    assert 1 <= allowance.reset_after <= 60
    stopped_clock.shift(timedelta(seconds=allowance.reset_after))
    assert limits.check("api", "somebody", increment=False).reset_after == 1
    stopped_clock.shift(timedelta(seconds=1))
    assert limits.check("api", "somebody").used == 1


@pytest.mark.usefixtures("stopped_clock", "three_a_minute")
def test_the_headers_add_up() -> None:
    headers = [limits.check("api", "somebody").headers for _ in range(4)]
    reset = limits.check("api", "somebody").reset_after
    assert [each["RateLimit"] for each in headers] == [f'"api";r={left};t={reset}' for left in (2, 1, 0, 0)]
    assert {each["RateLimit-Policy"] for each in headers} == {'"api";q=3;w=60'}
    assert [each.get("Retry-After") for each in headers] == [None, None, None, str(reset)]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1/s", (1, 1)),
        ("600/m", (600, 60)),
        ("30/10m", (30, 600)),
        ("5/h", (5, 3_600)),
        ("9/2d", (9, 172_800)),
    ],
)
def test_a_rate_is_read(settings: Settings, written: str, read: tuple[int, int]) -> None:
    settings.RATE_LIMITS = {"api": written}
    assert limits.rate("api") == read


@pytest.mark.parametrize("written", ["", "600", "600/", "600/w", "-1/m", "1.5/m", "600/m "])
def test_a_rate_that_says_nothing_is_refused(settings: Settings, written: str) -> None:
    settings.RATE_LIMITS = {"api": written}
    with pytest.raises(ValueError, match="RATE_LIMITS"):
        limits.rate("api")


def test_every_rate_in_the_settings_can_be_read(settings: Settings) -> None:
    for group in settings.RATE_LIMITS:
        limit, window = limits.rate(group)
        assert limit > 0
        assert window > 0


@pytest.mark.usefixtures("three_a_minute")
def test_switched_off_limits_are_never_exceeded(settings: Settings) -> None:
    settings.RATE_LIMITS_ON = False
    assert not any(limits.check("api", "somebody").exceeded for _ in range(5))
    settings.RATE_LIMITS_ON = True
    assert limits.check("api", "somebody").used == 1


@pytest.mark.usefixtures("stopped_clock", "three_a_minute")
def test_several_limits_are_asked_at_once() -> None:
    uses = [Use("claims", "somebody", counts=False), Use("api", "somebody"), Use("claims", "somebody")]
    rounds = [limits.count_all(uses) for _ in range(3)]
    assert [counted.used for counted in rounds] == [[0, 1, 1], [1, 2, 2], [2, 3, 3]]
    assert [counted.exceeded for counted in rounds] == [None] * 3


@pytest.mark.usefixtures("stopped_clock", "three_a_minute")
def test_what_follows_an_exceeded_limit_is_not_counted() -> None:
    use, other = Use("api", "somebody"), Use("claims", "somebody")
    rounds = [limits.count_all([use, other]) for _ in range(5)]
    assert [counted.used for counted in rounds] == [[1, 1], [2, 2], [3, 3], [4], [5]]
    assert [counted.exceeded and counted.exceeded.group for counted in rounds] == [None] * 3 + ["api"] * 2
    look = other._replace(counts=False)
    assert limits.count_all([look, use]).used == [3]
    assert limits.check("api", "somebody").used == 6


@pytest.mark.usefixtures("stopped_clock")
def test_a_use_may_bring_its_own_rate_and_counts_what_is_different() -> None:
    def seen(member: str) -> tuple[int, bool]:
        use = Use("networks", "somebody", member=member, rate=(2, 60))
        used, exceeded = limits.count_all([Use("api", "somebody"), use])
        return used[1], exceeded is not None

    assert [seen(member) for member in "aabca"] == [
        (1, False),
        (1, False),
        (2, False),
        (3, True),
        (3, True),
    ]


@pytest.mark.usefixtures("stopped_clock")
def test_what_is_different_is_taken_in_where_it_has_begun() -> None:
    def seen(member: str, *, counts: bool) -> int:
        use = Use("networks", "somebody", counts=counts, member=member, rate=(limits.NO_LIMIT, 60))
        return limits.count_all([use]).used[0]

    assert [seen("a", counts=False), seen("b", counts=False)] == [0, 0]
    assert seen("a", counts=True) == 1
    assert [seen(member, counts=False) for member in "abcb"] == [1, 2, 3, 3]

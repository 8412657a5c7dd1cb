"""How long a failure waits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from webhooks.retries import DELAYS, next_delay


def test_the_schedule_is_the_one_of_standard_webhooks() -> None:
    assert sum(DELAYS, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    assert next_delay(failures=len(DELAYS), retry_after=None) is not None
    assert next_delay(failures=len(DELAYS) + 1, retry_after=None) is None
    assert next_delay(failures=len(DELAYS) + 1, retry_after=60) is None


@pytest.mark.parametrize("failures", range(1, len(DELAYS) + 1))
def test_waits_are_spread_by_a_fifth_and_not_all_alike(failures: int) -> None:
    planned = DELAYS[failures - 1]
    waits = {next_delay(failures=failures, retry_after=None) for _ in range(50)}
    assert len(waits) > 40
    assert all(wait is not None and planned * 0.8 <= wait <= planned * 1.2 for wait in waits)


def test_what_the_receiver_asks_for_only_makes_it_longer() -> None:
    assert next_delay(failures=1, retry_after=3600) == timedelta(hours=1)
    assert next_delay(failures=1, retry_after=10**9) == timedelta(days=1)
    shorter = next_delay(failures=3, retry_after=1)
    assert shorter is not None
    assert shorter >= timedelta(minutes=24)

"""Counting within limits, in Redis and without it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.cache import cache, caches
from pytest_django import Settings
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from credentials import limits
from credentials.limits import Use
from passflow.cache import PATIENCE

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


# --- Redis, and without it ----------------------------------------------------------------------------


@contextmanager
def redis_at(port: int, folder: Path) -> Iterator[None]:
    """A Redis that keeps nothing, until the end of the block."""
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            with Redis(port=port, retry=Retry(ConstantBackoff(0.05), 100)) as client:
                assert client.ping()
            yield
        finally:
            server.terminate()


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def port(silent: socket.socket, settings: Settings) -> int:
    """Where the cache looks for Redis: a port that nobody else has."""
    number = int(silent.getsockname()[1])
    backend = "passflow.cache.FailOverCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": f"redis://127.0.0.1:{number}/0"}}
    return number


@pytest.mark.usefixtures("stopped_clock", "three_a_minute", "port")
def test_limits_hold_without_redis(silent: socket.socket) -> None:
    silent.close()
    assert [limits.check("api", "somebody").exceeded for _ in range(5)] == [False, False, False, True, True]
    assert limits.check("api", "somebody", increment=False).exceeded


@pytest.mark.usefixtures("three_a_minute", "port")
def test_a_redis_that_says_nothing_holds_one_request_up_and_not_for_long() -> None:
    began = time.monotonic()
    for _ in range(100):
        limits.check("api", "somebody")
    assert time.monotonic() - began < 4 * PATIENCE


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server to start and to stop")
@pytest.mark.usefixtures("stopped_clock", "three_a_minute")
def test_redis_counts_again_when_it_is_back(
    port: int, silent: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passflow.cache.PAUSE", 0.1)
    silent.close()
    with redis_at(port, tmp_path):
        assert [limits.check("api", "somebody").used for _ in range(2)] == [1, 2]
        with Redis(port=port) as client:
            (key,) = client.keys()
            assert client.get(key) == b"2"
            assert 0 < client.ttl(key) <= 65
    assert [limits.check("api", "somebody").used for _ in range(2)] == [1, 2]
    with redis_at(port, tmp_path):
        time.sleep(0.1)
        assert [limits.check("api", "somebody").used for _ in range(2)] == [1, 2]
        with Redis(port=port) as client:
            assert client.get(key) == b"2"


@pytest.mark.usefixtures("stopped_clock", "three_a_minute")
def test_several_limits_are_asked_at_once() -> None:
    look = Use("claims", "somebody", counts=False)
    uses = [look, Use("api", "somebody"), Use("claims", "somebody")]
    rounds = [limits.check_all(uses) for _ in range(4)]
    used = [[allowance.used for allowance in allowances] for allowances in rounds]
    assert used == [[0, 1, 1], [1, 2, 2], [2, 3, 3], [3, 4, 4]]
    assert [allowance.exceeded for allowance in rounds[-1]] == [True, True, True]


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server to start and to stop")
@pytest.mark.usefixtures("stopped_clock", "three_a_minute")
def test_any_number_of_limits_costs_one_round_trip(port: int, silent: socket.socket, tmp_path: Path) -> None:
    silent.close()
    uses = [Use("claims", "somebody", counts=False), Use("api", "somebody"), Use("claims", "somebody")]
    with redis_at(port, tmp_path), Redis(port=port) as client:
        limits.check_all(uses)
        before = client.info("stats")["total_reads_processed"]
        for _ in range(10):
            limits.check_all(uses)
        # One of them is this very question.
        assert client.info("stats")["total_reads_processed"] - before == 10 + 1


@pytest.mark.usefixtures("port")
def test_the_cache_keeps_values_without_redis(silent: socket.socket) -> None:
    silent.close()
    cache.set("name", "Ada")
    assert cache.get("name") == "Ada"
    assert not cache.add("name", "Grace")
    assert cache.delete("name")
    assert cache.get("name", "nobody") == "nobody"


@pytest.mark.usefixtures("stopped_clock")
def test_a_use_may_bring_its_own_rate_and_counts_what_is_different() -> None:
    def seen(member: str, *, counts: bool = True) -> tuple[int, bool]:
        use = Use("networks", "somebody", counts=counts, member=member, rate=(2, 60))
        [_, allowance] = limits.check_all([Use("api", "somebody"), use])
        return allowance.used, allowance.exceeded

    assert [seen(member) for member in "aabca"] == [
        (1, False),
        (1, False),
        (2, False),
        (3, True),
        (3, True),
    ]
    assert seen("d", counts=False) == (3, True)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server to start and to stop")
@pytest.mark.usefixtures("stopped_clock")
def test_redis_counts_what_is_different_and_forgets_it(
    port: int, silent: socket.socket, tmp_path: Path
) -> None:
    silent.close()
    with redis_at(port, tmp_path), Redis(port=port) as client:
        uses = [Use("networks", "somebody", member=member, rate=(2, 60)) for member in "aabc"]
        assert [allowance.used for allowance in limits.check_all(uses)] == [1, 1, 2, 3]
        (key,) = client.keys()
        assert 0 < client.ttl(key) <= 65


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server to start and to stop")
def test_a_list_is_emptied_wherever_its_values_are(
    port: int, silent: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passflow.cache.PAUSE", 0.1)
    silent.close()
    lists: Any = caches["default"]
    for value in ("one", "two", "three"):
        lists.push("list", value, most=2)
    with redis_at(port, tmp_path):
        time.sleep(0.1)
        for value in ("four", "five", "six"):
            lists.push("list", value, most=2)
        assert lists.pop_all("list") == ["one", "two", "four", "five"]
        assert lists.pop_all("list") == []

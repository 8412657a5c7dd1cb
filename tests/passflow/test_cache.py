"""Counters in Redis, and in memory while Redis is away."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
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
from credentials.limits import Counter, Use
from passflow.cache import PATIENCE

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("stopped_clock", "three_a_minute")

needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="no redis-server to start and to stop"
)


@pytest.fixture
def stopped_clock(limited: None) -> Iterator[None]:
    """It is NOW."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def three_a_minute(limited: None, settings: Settings) -> None:
    """The API takes three calls a minute."""
    settings.RATE_LIMITS = {"api": "3/m", "claims": "3/m"}


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
def port(limited: None, silent: socket.socket, settings: Settings) -> int:
    """Where the cache looks for Redis: a port that nobody else has."""
    number = int(silent.getsockname()[1])
    backend = "passflow.cache.FailOverCache"
    place = {"BACKEND": backend, "LOCATION": f"redis://127.0.0.1:{number}/0"}
    settings.CACHES = {"default": {**settings.CACHES["default"], **place}}
    return number


@pytest.mark.usefixtures("port")
def test_limits_hold_without_redis(silent: socket.socket) -> None:
    silent.close()
    assert [limits.check("api", "somebody").exceeded for _ in range(5)] == [False, False, False, True, True]
    assert limits.check("api", "somebody", increment=False).exceeded


@pytest.mark.usefixtures("port")
def test_a_redis_that_says_nothing_holds_one_request_up_and_not_for_long() -> None:
    began = time.monotonic()
    for _ in range(100):
        limits.check("api", "somebody")
    assert time.monotonic() - began < 4 * PATIENCE


@needs_redis
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


@needs_redis
def test_any_number_of_limits_costs_one_round_trip(port: int, silent: socket.socket, tmp_path: Path) -> None:
    silent.close()
    uses = [Use("claims", "somebody", counts=False), Use("api", "somebody"), Use("claims", "somebody")]
    with redis_at(port, tmp_path), Redis(port=port) as client:
        limits.count_all(uses)
        before = client.info("stats")["total_reads_processed"]
        for _ in range(10):
            limits.count_all(uses)
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


@needs_redis
def test_redis_counts_what_is_different_and_forgets_it(
    port: int, silent: socket.socket, tmp_path: Path
) -> None:
    silent.close()
    with redis_at(port, tmp_path), Redis(port=port) as client:
        uses = [Use("networks", "somebody", member=member, rate=(2, 60)) for member in "aabc"]
        assert [limits.count_all([use]).used for use in uses] == [[1], [1], [2], [3]]
        (key,) = client.keys()
        assert 0 < client.ttl(key) <= 65


def count() -> int:
    return limits.check("api", "somebody").used


@needs_redis
def test_a_restart_that_nobody_noticed_costs_no_answer(
    port: int, silent: socket.socket, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    silent.close()
    with redis_at(port, tmp_path):
        assert [count(), count()] == [1, 2]
    with redis_at(port, tmp_path):
        assert [count(), count()] == [1, 2]
    assert "Redis does not answer" not in caplog.text


@needs_redis
def test_a_redis_that_forgot_the_script_is_told_again(
    port: int, silent: socket.socket, tmp_path: Path
) -> None:
    silent.close()
    with redis_at(port, tmp_path), Redis(port=port) as client:
        assert count() == 1
        client.script_flush()
        assert [count(), count()] == [2, 3]


@needs_redis
def test_threads_are_given_their_own_answers(port: int, silent: socket.socket, tmp_path: Path) -> None:
    silent.close()
    shared: Any = caches["default"]

    def count_alone(name: int) -> list[list[int]]:
        counter = Counter(f"of-{name}", lifetime=60, up=True, most=limits.NO_LIMIT)
        return [shared.count_all([counter] * (name + 1)) for _ in range(50)]

    with redis_at(port, tmp_path), ThreadPoolExecutor(8) as threads:
        for name, counted in enumerate(threads.map(count_alone, range(8))):
            assert [used for answer in counted for used in answer] == list(range(1, 50 * (name + 1) + 1))


@needs_redis
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_speaks_over_a_connection_of_its_own(port: int, silent: socket.socket, tmp_path: Path) -> None:
    silent.close()
    with redis_at(port, tmp_path), Redis(port=port) as client:
        assert count() == 1
        before = client.info("stats")["total_connections_received"]
        child = os.fork()
        if child == 0:
            try:
                os._exit(count())
            finally:
                os._exit(255)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
        assert count() == 3
        assert client.info("stats")["total_connections_received"] == before + 1


@needs_redis
def test_an_answer_that_nobody_waited_for_is_nobody_elses(
    port: int, silent: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    silent.close()
    with redis_at(port, tmp_path):
        assert count() == 1
        with monkeypatch.context() as interrupted:
            interrupted.setattr("redis.connection.Connection.read_response", interrupt)
            with pytest.raises(KeyboardInterrupt):
                limits.check("claims", "somebody")
        assert count() == 2


@needs_redis
def test_what_is_different_joins_in_redis_only_what_has_begun(
    port: int, silent: socket.socket, tmp_path: Path
) -> None:
    silent.close()
    use = Use("networks", "somebody", member="a", rate=(limits.NO_LIMIT, 60))
    joining = use._replace(member="b", counts=False)
    with redis_at(port, tmp_path), Redis(port=port) as client:
        assert limits.count_all([joining]).used == [0]
        assert client.keys() == []
        assert [limits.count_all([each]).used for each in (use, joining)] == [[1], [2]]


@needs_redis
def test_a_refusal_makes_no_keys(port: int, silent: socket.socket, tmp_path: Path) -> None:
    silent.close()
    with redis_at(port, tmp_path), Redis(port=port) as client:
        for number in range(20):
            limits.first_exceeded([Use("api", "somebody"), Use("claims", f"made-up-{number}")])
        assert len(client.keys()) == 1 + 3


@needs_redis
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
        assert lists.pop_all("list") == ["one", "two"]
        lists.push("list", "four", "five", most=3)
        lists.push("list", "six", "seven", most=3)
        assert lists.pop_all("list") == ["four", "five", "six"]
        assert lists.pop_all("list") == []


@needs_redis
def test_what_was_listed_without_redis_reaches_whoever_empties_it_there(
    port: int, silent: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passflow.cache.PAUSE", 0.1)
    silent.close()
    lists: Any = caches["default"]
    lists.push("list", "one", most=9)
    with redis_at(port, tmp_path), Redis(port=port) as client:
        time.sleep(0.1)
        lists.push("list", "two", most=9)
        (key,) = client.keys()
        assert client.lrange(key, 0, -1) == [b"one", b"two"]

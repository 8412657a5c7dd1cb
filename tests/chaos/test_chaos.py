"""The short form of `make chaos`, with every kind of fault once; and that it cleans up behind itself."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connection

from tests.chaos.programs import living

pytestmark = pytest.mark.skipif(
    settings.EMBEDDED or connection.vendor != "postgresql",
    reason="needs the programs of PostgreSQL and Redis",
)

UNPREPARED = 2
INTERRUPTED = 130
# With this seed the worker is killed early: what it was sending is free again after 45 seconds.
SHORT = ["--faults", "11", "--events", "400", "--every", "2.5", "--seed", "6897"]


@contextmanager
def chaos(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A run, and what it tells."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.chaos", *arguments],
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.terminate()


def descendants(ancestor: int) -> set[int]:
    """The processes that this one has started, and those that they have."""
    children = {pid for pid, parent, _ in living() if parent == ancestor}
    return children.union(*map(descendants, children))


def test_nothing_is_lost_whatever_fails() -> None:
    with chaos(*SHORT) as running:
        told, _ = running.communicate(timeout=900)
    if running.returncode == UNPREPARED:
        pytest.skip(told)
    assert running.returncode == 0, told
    assert "0 lost, 0 phantom" in told


def test_an_interrupted_run_leaves_nothing_behind() -> None:
    with chaos() as running:
        assert running.stdout
        told = next((line for line in running.stdout if "web and worker are up" in line), "")
        if not told and running.wait(60) == UNPREPARED:
            pytest.skip("the programs of PostgreSQL or Redis are not installed")
        started = descendants(running.pid)
        assert len(started) > len({"postgres", "redis", "web", "worker"})
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == INTERRUPTED
        assert started.isdisjoint(pid for pid, _, _ in living())

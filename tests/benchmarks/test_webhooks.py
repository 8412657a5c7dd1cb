"""The benchmarks of webhooks run by themselves and say what they measured in the form that others read."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection

NUMBER = r"\d+(\.\d+)?"
# What makes each quick, and what it prints then.
BENCHMARKS = {
    "webhooks": (
        "ROUNDS = 1; it.ENDPOINTS = 5; it.DELIVERIES_EACH = 4; it.TASKS = 20",
        [
            rf"webhooks: \d+ deliveries/s \(ratio {NUMBER} of one Celery task per delivery\)",
            rf"webhooks_bare: \d+ deliveries/s \(ratio {NUMBER} of a bare aiohttp client\)",
        ],
    ),
    "webhook_claims": (
        "ROUNDS = 1; it.ENDPOINTS = 10; it.DELIVERIES_EACH = 3",
        [r"webhook_claims: \d+ rows/s \(batches of 100, 2 dispatchers\)"],
    ),
    "webhook_hanging": (
        "ENDPOINTS = 20; it.DELIVERIES_EACH = 2; it.HANGS = 21",
        [rf"webhook_hanging: {NUMBER} s \(ratio {NUMBER} of the p99 with none hanging\)"],
    ),
    "webhook_backlog": (
        "BACKLOG = 50; it.ENDPOINTS = 10; it.BUSY = 5; it.ROUNDS = 3",
        [rf"webhook_backlog: {NUMBER} ms \(a claim of 100 beside 50 rows; longest {NUMBER} ms\)"],
    ),
    "webhook_burst": (
        "EVENTS = 200; it.ROUNDS = 1",
        [rf"webhook_burst: {NUMBER} s \(200 events in one transaction\)"],
    ),
    "webhook_latency": (
        "EVENTS = 2",
        [
            rf"webhook_latency: {NUMBER} s \(p99 from commit to first attempt\)",
            rf"webhook_latency_without_redis: {NUMBER} s \(p99 from commit to first attempt\)",
        ],
    ),
}


def _run(name: str, *, quickly: str, **environment: str) -> list[str]:
    """The lines that a benchmark prints."""
    command = [
        sys.executable,
        "-c",
        f"from tests.benchmarks import {name} as it; it.{quickly}; it.main()",
    ]
    ran = subprocess.run(
        command,
        cwd=settings.BASE_DIR,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


@pytest.mark.skipif(
    settings.EMBEDDED or connection.vendor != "postgresql", reason="needs DATABASE_URL and REDIS_URL"
)
@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_prints_what_it_measured(name: str) -> None:
    quickly, lines = BENCHMARKS[name]
    printed = _run(name, quickly=quickly)
    assert len(printed) == len(lines)
    assert all(re.fullmatch(line, told) for line, told in zip(lines, printed, strict=True)), printed


def test_without_services_it_says_that_it_is_skipped() -> None:
    printed = _run("webhook_claims", quickly="ROUNDS = 1", DATABASE_URL="sqlite://:memory:", REDIS_URL="")
    assert printed == ["webhook_claims: skipped, it needs DATABASE_URL (PostgreSQL) and REDIS_URL"]

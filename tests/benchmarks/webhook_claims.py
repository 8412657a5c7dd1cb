"""Rows per second that are claimed and brought back in batches, attempts on record; nothing is sent."""

from __future__ import annotations

import gc
import multiprocessing
import sys
import time
from statistics import median

from django.db import connection
from django.utils import timezone

from tests.benchmarks.webhook_stage.database import (
    forget_deliveries,
    make_endpoints,
    owe,
    own_database,
    services,
)
from webhooks.claims import claim
from webhooks.dispatch import SELDOM_COLLECTED
from webhooks.finishing import Sent, finish
from webhooks.models import Attempt, Endpoint
from webhooks.outcomes import Outcome
from webhooks.transport import Result

ROUNDS = 3
ENDPOINTS = 1000
DELIVERIES_EACH = 20
BATCH = 100
# One for each core.
DISPATCHERS = 2
ARRIVED = Result(outcome=Outcome.SUCCEEDED, duration_ms=12, status=204)


def main() -> None:
    """Print how many rows pass through."""
    if not services("webhook_claims"):
        return
    with own_database():
        endpoints = make_endpoints([f"http://127.0.0.1:9/{number}" for number in range(ENDPOINTS)])
        rates = [_round(endpoints) for _ in range(ROUNDS)]
    sys.stdout.write(
        f"webhook_claims: {median(rates):.0f} rows/s (batches of {BATCH}, {DISPATCHERS} dispatchers)\n"
    )


def _round(endpoints: list[Endpoint]) -> float:
    count = len(endpoints) * DELIVERIES_EACH
    forget_deliveries()
    owe(endpoints, DELIVERIES_EACH)
    # A process of its own must not speak through this one's connection.
    connection.close()
    fork = multiprocessing.get_context("fork")
    ready = fork.Barrier(DISPATCHERS + 1)
    dispatchers = [fork.Process(target=_dispatch, args=(str(number), ready)) for number in range(DISPATCHERS)]
    for dispatcher in dispatchers:
        dispatcher.start()
    ready.wait()
    began = time.perf_counter()
    for dispatcher in dispatchers:
        dispatcher.join()
    took = time.perf_counter() - began
    assert Attempt.objects.count() == count
    return count / took


def _dispatch(token: str, ready: multiprocessing.synchronize.Barrier) -> None:
    gc.set_threshold(*SELDOM_COLLECTED)
    connection.ensure_connection()
    ready.wait()
    after = 0
    while messages := claim(token=token, limit=BATCH, after=after):
        after = messages[-1].endpoint_id
        finish([Sent(message, timezone.now(), ARRIVED) for message in messages], token=token)


if __name__ == "__main__":
    main()

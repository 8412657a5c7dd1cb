"""Rows per second that are claimed and brought back in batches, attempts on record; nothing is sent."""

from __future__ import annotations

import gc
import sys
from statistics import median

from django.utils import timezone

from tests.benchmarks.webhook_stage.database import (
    forget_deliveries,
    make_endpoints,
    owe,
    own_database,
    services,
)
from tests.benchmarks.webhook_stage.dispatchers import DISPATCHERS, seconds_for
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
    took = seconds_for(_dispatch)
    assert Attempt.objects.count() == count
    return count / took


def _dispatch(token: str) -> None:
    gc.set_threshold(*SELDOM_COLLECTED)
    after = 0
    while messages := claim(token=token, limit=BATCH, after=after):
        after = messages[-1].endpoint_id
        finish([Sent(message, timezone.now(), ARRIVED) for message in messages], token=token)


if __name__ == "__main__":
    main()

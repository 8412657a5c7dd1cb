"""How long 10,000 events take in one transaction, with a delivery for each."""

from __future__ import annotations

import sys
import time
from statistics import median

from django.db import transaction

from credentials.events import record_all
from tests.benchmarks.webhook_stage.database import event, make_endpoints, own_database, services
from webhooks.models import Delivery, Endpoint

EVENTS = 10_000
ROUNDS = 3


def main() -> None:
    """Print the seconds from the first event to the commit."""
    if not services("webhook_burst"):
        return
    with own_database():
        endpoints = make_endpoints(["http://127.0.0.1:9/hook"])
        took = [_round(endpoints) for _ in range(ROUNDS)]
        assert Delivery.objects.count() == EVENTS * ROUNDS
    sys.stdout.write(f"webhook_burst: {median(took):.2f} s ({EVENTS} events in one transaction)\n")


def _round(endpoints: list[Endpoint]) -> float:
    began = time.perf_counter()
    with transaction.atomic():
        record_all([event(endpoints[0].account) for _ in range(EVENTS)])
    return time.perf_counter() - began


if __name__ == "__main__":
    main()

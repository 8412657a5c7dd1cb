"""What receivers that hang cost the others: their 99th percentile, from due to answered, with and without."""

from __future__ import annotations

import sys
import threading
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from tests.benchmarks.webhook_stage.database import (
    forget_deliveries,
    make_endpoints,
    owe,
    own_database,
    services,
)
from tests.benchmarks.webhook_stage.sink import HANGING, Sink, listening
from webhooks.dispatch import deliver_due
from webhooks.models import Attempt, Delivery, Endpoint

ENDPOINTS = 1000
DELIVERIES_EACH = 20
# Every so-manieth hangs.
HANGS = 20


def main() -> None:
    """Print the percentile with 5 % hanging beside that with none."""
    if not services("webhook_hanging"):
        return
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with own_database(), listening() as sink:
        endpoints = make_endpoints([sink.url(f"/hook/{number}") for number in range(ENDPOINTS)])
        healthy = [endpoint for number, endpoint in enumerate(endpoints) if number % HANGS]
        without = _percentile(endpoints, healthy)
        _let_hang(sink, endpoints)
        hanging = _percentile(endpoints, healthy)
    sys.stdout.write(
        f"webhook_hanging: {hanging:.2f} s (ratio {hanging / without:.2f} of the p99 with none hanging)\n"
    )


def _let_hang(sink: Sink, endpoints: list[Endpoint]) -> None:
    pks = [endpoint.pk for endpoint in endpoints[::HANGS]]
    Endpoint.objects.filter(pk__in=pks).update(url=sink.url(HANGING))


def _percentile(endpoints: list[Endpoint], healthy: list[Endpoint]) -> float:
    """Seconds after which all but one in a hundred deliveries to healthy endpoints were answered."""
    forget_deliveries()
    owe(endpoints, DELIVERIES_EACH)
    count = len(healthy) * DELIVERIES_EACH
    began = timezone.now()
    dispatcher = threading.Thread(target=_dispatch)
    dispatcher.start()
    answered = Attempt.objects.filter(delivery__endpoint__in=[endpoint.pk for endpoint in healthy])
    while answered.count() < count:
        time.sleep(0.5)
    # What hangs need not be tried again.
    Delivery.objects.filter(claim_token=None).update(next_attempt_at=timezone.now() + timedelta(days=1))
    dispatcher.join()
    times = sorted(_seconds(began, *row) for row in answered.values_list("started_at", "duration_ms"))
    return times[int(0.99 * count)]


def _dispatch() -> None:
    try:
        deliver_due()
    finally:
        connection.close()


def _seconds(began: datetime, started_at: datetime, duration_ms: int) -> float:
    return (started_at + timedelta(milliseconds=duration_ms) - began).total_seconds()


if __name__ == "__main__":
    main()

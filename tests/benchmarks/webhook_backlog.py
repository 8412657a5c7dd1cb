"""How long a claim takes while one endpoint has a backlog of 200,000, and thousands have nothing."""

from __future__ import annotations

import sys
import time
from statistics import median

from django.db import connection
from django.utils import timezone

from tests.benchmarks.webhook_stage.database import analyze, event, make_endpoints, own_database, services
from webhooks.leases import lease
from webhooks.models import Delivery, Endpoint

BACKLOG = 200_000
ENDPOINTS = 10_000
# So many have a few messages due.
BUSY = 1_000
BATCH = 100
ROUNDS = 20

# By SQL, because the ORM would take minutes for 200,000 rows.
_EVENTS = """
    INSERT INTO credentials_event (public_id, account_id, type, actor, data, created_at)
    SELECT 'backlog-' || number, account_id, type, actor, data, created_at
    FROM credentials_event, generate_series(1, %s) AS number WHERE credentials_event.id = %s"""
_DELIVERIES = """
    INSERT INTO webhooks_delivery
        (public_id, event_id, endpoint_id, status, next_attempt_at, failures, created_at)
    SELECT 'backlog-' || id, id, %s, 'pending', created_at, 0, created_at
    FROM credentials_event WHERE public_id LIKE 'backlog-%%'"""


def main() -> None:
    """Print the time of a claim that fills its batch."""
    if not services("webhook_backlog"):
        return
    with own_database():
        endpoints = make_endpoints([f"http://127.0.0.1:9/{number}" for number in range(ENDPOINTS)])
        _owe(endpoints)
        took = _claims()
    told = f"a claim of {BATCH} beside {BACKLOG} rows; longest {max(took):.1f} ms"
    sys.stdout.write(f"webhook_backlog: {median(took):.1f} ms ({told})\n")


def _owe(endpoints: list[Endpoint]) -> None:
    one = event(endpoints[0].account)
    one.save()
    with connection.cursor() as cursor:
        cursor.execute(_EVENTS, [BACKLOG, one.pk])
        cursor.execute(_DELIVERIES, [endpoints[0].pk])
    step = len(endpoints) // BUSY
    Delivery.objects.bulk_create(
        Delivery(event=one, endpoint=endpoint, next_attempt_at=timezone.now())
        for endpoint in endpoints[::step]
    )
    analyze()


def _claims() -> list[float]:
    """Milliseconds of each claim; the endpoints with little are served in turn."""
    took, after, served = [], 0, set()
    for number in range(ROUNDS):
        began = time.perf_counter()
        leased = lease(token=str(number), limit=BATCH, now=timezone.now(), after=after)
        took.append((time.perf_counter() - began) * 1000)
        after = leased[-1].endpoint_id if leased else 0
        served |= {one.endpoint_id for one in leased}
    assert len(served) == min(BUSY, ROUNDS * BATCH)
    return took


if __name__ == "__main__":
    main()

"""Deliveries per second, attempts on record, beside a bare client and beside one Celery task for each."""

from __future__ import annotations

import asyncio
import sys
import time
from statistics import median

import aiohttp
from django.conf import settings

from credentials.models import Event
from tests.benchmarks.webhook_stage import one_task_each
from tests.benchmarks.webhook_stage.database import (
    forget_deliveries,
    make_endpoints,
    owe,
    own_database,
    services,
)
from tests.benchmarks.webhook_stage.dispatchers import seconds_for
from tests.benchmarks.webhook_stage.sink import Sink, listening
from webhooks import payloads
from webhooks.dispatch import deliver_due
from webhooks.models import Attempt, Endpoint

ROUNDS = 3
ENDPOINTS = 100
DELIVERIES_EACH = 60
TASKS = 2000
# As many as the bare client is fastest with.
CONNECTIONS = 100


def main() -> None:
    """Print our rate beside either reference."""
    if not services("webhooks"):
        return
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with own_database(), listening() as sink:
        endpoints = make_endpoints([sink.url(f"/hook/{number}") for number in range(ENDPOINTS)])
        rounds = [_round(sink, endpoints) for _ in range(ROUNDS)]
        tasks = one_task_each.rate(sink, body=_body(endpoints).decode(), count=TASKS)
    ours = median(rate for rate, _ in rounds)
    bare = median(rate / bare for rate, bare in rounds)
    sys.stdout.write(
        f"webhooks: {ours:.0f} deliveries/s (ratio {ours / tasks:.2f} of one Celery task per delivery)\n"
        f"webhooks_bare: {ours:.0f} deliveries/s (ratio {bare:.2f} of a bare aiohttp client)\n"
    )


def _round(sink: Sink, endpoints: list[Endpoint]) -> tuple[float, float]:
    """Our rate and the bare client's, one after the other, so that a busy machine slows both alike."""
    count = len(endpoints) * DELIVERIES_EACH
    forget_deliveries()
    owe(endpoints, DELIVERIES_EACH)
    ours = count / seconds_for(lambda name: deliver_due())
    assert Attempt.objects.filter(outcome="succeeded").count() == count
    bodies = [_body(endpoints)] * count
    began = time.perf_counter()
    asyncio.run(_post_all([endpoint.url for endpoint in endpoints], bodies))
    return ours, count / (time.perf_counter() - began)


def _body(endpoints: list[Endpoint]) -> bytes:
    return payloads.body(Event.objects.filter(account=endpoints[0].account)[0])


async def _post_all(urls: list[str], bodies: list[bytes]) -> None:
    waiting = iter(enumerate(bodies))

    async def post_some(session: aiohttp.ClientSession) -> None:
        for number, body in waiting:
            async with session.post(urls[number % len(urls)], data=body) as answer:
                await answer.read()

    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*[post_some(session) for _ in range(CONNECTIONS)])


if __name__ == "__main__":
    main()

"""A database of the benchmark's own on the server of `DATABASE_URL`, made, filled and dropped."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from credentials.event_types import EventType
from credentials.models import Account, Event
from webhooks import endpoint_secrets
from webhooks.models import Attempt, Delivery, Endpoint


def services(name: str) -> bool:
    """Whether there are a PostgreSQL and a Redis to measure with; says so when there are not."""
    if connection.vendor == "postgresql" and settings.REDIS_URL:
        return True
    sys.stdout.write(f"{name}: skipped, it needs DATABASE_URL (PostgreSQL) and REDIS_URL\n")
    return False


@contextmanager
def own_database() -> Iterator[None]:
    """Django's connection leads to a new database for as long as the block lasts."""
    connection.settings_dict["TEST"]["NAME"] = f"bench_{os.getpid()}"
    former = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(former, verbosity=0)


def environment() -> dict[str, str]:
    """For other processes: the same database, and the way to receivers on this machine."""
    database = connection.settings_dict
    address = f"{database['HOST']}:{database['PORT'] or 5432}/{database['NAME']}"
    login = f"{quote(database['USER'])}:{quote(database['PASSWORD'])}"
    return {
        **os.environ,
        "DATABASE_URL": f"postgres://{login}@{address}",
        "PASSFLOW_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "PASSFLOW_FIELD_KEYS": ",".join(settings.FIELD_KEYS),
    }


def make_endpoints(urls: list[str]) -> list[Endpoint]:
    """An account with an endpoint for each URL, which all hear of everything."""
    account = Account.objects.create(slug=f"bench-{Account.objects.count()}", name="Benchmark")
    with transaction.atomic():
        endpoints = Endpoint.objects.bulk_create([Endpoint(account=account, url=url) for url in urls])
        for endpoint in endpoints:
            endpoint_secrets.mint(endpoint)
    return endpoints


def owe(endpoints: list[Endpoint], each: int) -> None:
    """As many due deliveries to each endpoint, every one of its own event."""
    now = timezone.now()
    with transaction.atomic():
        events = Event.objects.bulk_create(
            [event(endpoints[0].account) for _ in range(each * len(endpoints))], batch_size=5000
        )
        Delivery.objects.bulk_create(
            [
                Delivery(event=one, endpoint=endpoints[number % len(endpoints)], next_attempt_at=now)
                for number, one in enumerate(events)
            ],
            batch_size=5000,
        )
    analyze()


def analyze() -> None:
    """Lets PostgreSQL count its rows, as it does by itself in time."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def forget_deliveries() -> None:
    """Empties the tables that a round has filled."""
    with connection.cursor() as cursor:
        tables = ", ".join(model._meta.db_table for model in (Attempt, Delivery))
        cursor.execute(f"TRUNCATE {tables}")


def event(account: Account) -> Event:
    """An event of the usual size, not yet written."""
    now = timezone.now()
    return Event(
        account=account,
        type=EventType.CREDENTIAL_CREATED,
        actor="api key integration",
        created_at=now,
        data={
            "credential": {
                "id": "4r2kPqLr7TzXyB",
                "person_id": 48231,
                "credential_type_id": 12,
                "label": "Membership",
                "status": "invited",
                "wallet_type": None,
                "devices": 0,
                "created_at": "2026-11-22T09:41:35.089Z",
                "invited_at": "2026-11-22T09:41:35.063Z",
                "added_to_wallet_at": None,
                "removed_from_wallet_at": None,
                "revoked_at": None,
                "suspended_at": None,
                "expires_at": "2027-11-22T09:41:35.063Z",
                "url_expires_at": None,
            },
            "person_id": 48231,
            "system_id": "member-48231",
        },
    )

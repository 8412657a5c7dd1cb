"""The rows behind a batch of claims, as tuples: whole models would cost more than all the rest of a claim."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection


class Target(NamedTuple):
    """What a dispatcher must know of an endpoint."""

    pk: int
    public_id: str
    url: str
    enabled: bool
    failing: bool


class EventFacts(NamedTuple):
    """What a message tells of an event."""

    public_id: str
    type: str
    account_id: int
    sequence: int | None
    actor: str
    data: dict[str, Any]
    created_at: datetime


def find_targets(keys: Collection[int]) -> dict[int, Target]:
    """The endpoints with these primary keys, by primary key."""
    return {row[0]: Target(*row) for row in _rows(_TARGETS, keys)}


def find_events(keys: Collection[int]) -> dict[int, EventFacts]:
    """The events with these primary keys, by primary key."""
    return {
        row[0]: EventFacts(
            *row[1:-2],
            data=json.loads(row[-2]),
            created_at=datetime.fromisoformat(row[-1]).replace(tzinfo=UTC),
        )
        for row in _rows(_EVENTS, keys)
    }


def _rows(select: str, keys: Collection[int]) -> list[tuple[Any, ...]]:
    among, text = _DIALECTS[connection.vendor]
    with connection.cursor() as cursor:
        listed = list(keys) if connection.vendor == "postgresql" else json.dumps(list(keys))
        cursor.execute(select.format(among=among, created_at=text), [listed])
        return cursor.fetchall()


_TARGETS = """
    SELECT id, public_id, url, disabled_at IS NULL AND deleted_at IS NULL,
        failing_since IS NOT NULL
    FROM webhooks_endpoint WHERE id {among}"""
_EVENTS = """
    SELECT id, public_id, type, account_id, sequence, actor, data, {created_at}
    FROM credentials_event WHERE id {among}"""
# How each database names a list of keys, and writes a time of UTC as text: SQLite keeps it so, and psycopg's
# own reading of times is slow.
_DIALECTS = {
    "postgresql": ("= ANY(%s)", "(created_at AT TIME ZONE 'UTC')::text"),
    "sqlite": ("IN (SELECT value FROM json_each(%s))", "CAST(created_at AS text)"),
}

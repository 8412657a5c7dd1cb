"""The rows behind a batch of claims, as tuples: whole models would cost more than all the rest of a claim."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

from django.db import connection


class Target(NamedTuple):
    """What a dispatcher must know of an endpoint."""

    pk: int
    public_id: str
    url: str
    enabled: bool
    failing: bool


@dataclass
class EventFacts:
    """What a message tells of an event, read no sooner than it is told."""

    public_id: str
    type: str
    account_id: int
    sequence: int | None
    actor: str
    data_text: str
    time_text: str

    @cached_property
    def data(self) -> dict[str, Any]:
        """The event's own `data`."""
        data: dict[str, Any] = json.loads(self.data_text)
        return data

    @property
    def created_at(self) -> datetime:
        """When it happened, in UTC."""
        return datetime.fromisoformat(self.time_text).replace(tzinfo=UTC)


def find_targets(keys: Collection[int]) -> dict[int, Target]:
    """The endpoints with these primary keys, by primary key."""
    return {row[0]: Target(*row) for row in _rows(_TARGETS, keys)}


def find_events(keys: Collection[int]) -> dict[int, EventFacts]:
    """The events with these primary keys, by primary key."""
    return {row[0]: EventFacts(*row[1:]) for row in _rows(_EVENTS, keys)}


class Secret(NamedTuple):
    """A signing key of an endpoint, still encrypted."""

    pk: int
    endpoint_id: int
    public_key: str
    ciphertext: bytes


def find_secrets(keys: Collection[int], *, now: datetime) -> list[Secret]:
    """The live secrets of the endpoints with these primary keys, the newest first."""
    condition, listed = among(keys)
    with connection.cursor() as cursor:
        adapted = connection.ops.adapt_datetimefield_value(now)
        cursor.execute(_SECRETS.format(among=condition), [listed, adapted])
        return [Secret(*row) for row in cursor.fetchall()]


def among(keys: Collection[int]) -> tuple[str, Any]:
    """The condition that a column's value is one of `keys`, and its one parameter.

    The ORM gives each key a parameter, and the statement another text for each number of them, so that
    neither psycopg nor PostgreSQL knows it again.
    """
    if connection.vendor == "postgresql":
        return "= ANY(%s)", list(keys)
    return "IN (SELECT value FROM json_each(%s))", json.dumps(list(keys))


def _rows(select: str, keys: Collection[int]) -> list[tuple[Any, ...]]:
    condition, listed = among(keys)
    with connection.cursor() as cursor:
        cursor.execute(select.format(among=condition, created_at=_TIME_AS_TEXT[connection.vendor]), [listed])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


_TARGETS = """
    SELECT id, public_id, url, disabled_at IS NULL AND deleted_at IS NULL,
        failing_since IS NOT NULL
    FROM webhooks_endpoint WHERE id {among}"""
_SECRETS = """
    SELECT id, endpoint_id, public_key, ciphertext FROM webhooks_endpointsecret
    WHERE endpoint_id {among} AND (expires_at IS NULL OR expires_at > %s) ORDER BY id DESC"""
_EVENTS = """
    SELECT id, public_id, type, account_id, sequence, actor, data, {created_at}
    FROM credentials_event WHERE id {among}"""
# SQLite keeps times so, and psycopg's own reading of them is slow.
_TIME_AS_TEXT = {
    "postgresql": "(created_at AT TIME ZONE 'UTC')::text",
    "sqlite": "CAST(created_at AS text)",
}

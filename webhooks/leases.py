"""Which due deliveries a dispatcher gets, and the lease on them: the SQL of a claim.

Endpoints are visited in turn, by steps through the index of what is pending, so that neither a backlog of
one nor thousands that wait for nothing cost the others time. Each may have only so many on their way.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import IntegrityError, connection

# Longer than an attempt's deadline by far; short, so that a killed dispatcher's rows resume within a minute.
LEASE = timedelta(seconds=45)
# How many may be on their way to one endpoint: a slow receiver holds up its own messages, nobody else's.
PER_ENDPOINT = 10
# As long as it has not shown that it answers promptly.
PER_UNKNOWN_ENDPOINT = 2
# Of each endpoint at a visit, so that a few messages need not wait for the many of others.
AT_A_VISIT = 2


class Lease(NamedTuple):
    """A claimed row, with the failures that it had by then."""

    delivery_id: int
    event_id: int
    endpoint_id: int
    failures: int


def lease(
    *, token: str, limit: int, now: datetime, after: int = 0, prompt: Collection[int] = ()
) -> list[Lease]:
    """Leases up to `limit` due deliveries, in the order of their endpoints, beginning beyond `after`.

    Those of `prompt` get up to `PER_ENDPOINT` at a time, unknown ones less; one that takes its messages in
    order or fails at present gets one, and one that is paused none.
    """
    leased: list[Lease] = []
    # Round once, a few each; then, if there is room left, to each whatever it may have.
    rounds = [(after, AT_A_VISIT), (0, AT_A_VISIT), (0, PER_ENDPOINT)]
    for beyond, at_a_visit in rounds[0 if after else 1 :]:
        room = limit - len(leased)
        try:
            found = _lease_round(
                token=token, limit=room, now=now, after=beyond, at_a_visit=at_a_visit, prompt=prompt
            )
        except IntegrityError:
            # At this moment another dispatcher took another message to an endpoint that takes one at a time.
            continue
        leased += found
        # Past thousands of endpoints that wait, each round is long; what passed all by found all there is.
        if len(found) == room or not (found or beyond):
            break
    return leased


# The next endpoint with anything pending is the least one beyond the last.
_WAITING = """
    WITH RECURSIVE waiting (endpoint_id) AS (
        SELECT min(endpoint_id) FROM webhooks_delivery
        WHERE status = 'pending' AND endpoint_id > %(after)s
        UNION ALL
        SELECT (
            SELECT min(endpoint_id) FROM webhooks_delivery
            WHERE status = 'pending' AND endpoint_id > waiting.endpoint_id)
        FROM waiting WHERE endpoint_id IS NOT NULL)"""
# How many an endpoint may have on their way; in order, one and a test.
_MOST = """
    CASE WHEN fifo THEN 2 WHEN failing_since IS NOT NULL THEN 1
        WHEN {prompt} THEN %(per_endpoint)s ELSE %(per_unknown_endpoint)s END"""
_PROMPT = {
    "postgresql": "id = ANY(%(prompt)s::bigint[])",
    "sqlite": "endpoint.id IN (SELECT value FROM json_each(%(prompt)s))",
}
# In order: what is on its way comes before all else, then the earliest event that is not finished.
_FIRST_IN_ORDER = """
    COALESCE(
        (SELECT id FROM webhooks_delivery WHERE endpoint_id = endpoint.id AND alone),
        (SELECT id FROM webhooks_delivery WHERE endpoint_id = endpoint.id AND status = 'pending'
            AND NOT is_test ORDER BY event_id LIMIT 1))"""
# Whoever asks for a test wants to know now: it waits for nothing, and nothing waits for it.
_TEST = """
    (SELECT id FROM webhooks_delivery WHERE endpoint_id = endpoint.id AND status = 'pending'
        AND is_test ORDER BY next_attempt_at LIMIT 1)"""
_FREE = "(claimed_until IS NULL OR claimed_until <= %(now)s)"
_OPEN = "(paused_until IS NULL OR paused_until <= %(now)s)"

# A condition that is always true, and lets the COMMIT not wait for the disk. A claim or a result that a crash
# of PostgreSQL takes back is only repeated: each message may come twice, with the same id.
UNHURRIED = {
    "postgresql": "(SELECT set_config('synchronous_commit', 'off', TRUE)) = 'off'",
    "sqlite": "TRUE",
}

# What is on its way stays at the head of its endpoint's queue: a look at the head both counts it and finds
# what is next. The rows are locked by a second look, lest those that others have locked be passed over for
# more than the endpoint may have. MATERIALIZED and OFFSET 0 keep the planner from another order of steps.
_POSTGRESQL = f"""
    {_WAITING},
    due AS MATERIALIZED (
        SELECT next.id, endpoint.fifo FROM waiting
        CROSS JOIN LATERAL (
            SELECT id, fifo, {_MOST.format(prompt=_PROMPT["postgresql"])} AS most
            FROM webhooks_endpoint WHERE id = waiting.endpoint_id AND {_OPEN} OFFSET 0) AS endpoint
        CROSS JOIN LATERAL (
            SELECT id FROM (
                (SELECT id, claimed_until FROM webhooks_delivery
                    WHERE NOT endpoint.fifo AND endpoint_id = endpoint.id
                    AND status = 'pending' AND next_attempt_at <= %(now)s
                    ORDER BY next_attempt_at LIMIT endpoint.most)
                UNION ALL
                (SELECT id, claimed_until FROM webhooks_delivery
                    WHERE endpoint.fifo AND id IN ({_FIRST_IN_ORDER}, {_TEST})
                    AND next_attempt_at <= %(now)s)) AS head
            WHERE {_FREE} LIMIT %(at_a_visit)s) AS next
        LIMIT %(limit)s),
    held AS MATERIALIZED (
        SELECT delivery.id, due.fifo FROM due JOIN webhooks_delivery AS delivery ON delivery.id = due.id
        WHERE status = 'pending' AND next_attempt_at <= %(now)s AND {_FREE}
        FOR NO KEY UPDATE OF delivery SKIP LOCKED)
    UPDATE webhooks_delivery AS delivery
    SET claim_token = %(token)s, claimed_until = %(lease_end)s, alone = held.fifo AND NOT is_test
    FROM held WHERE delivery.id = held.id AND {UNHURRIED["postgresql"]}
    RETURNING delivery.id, event_id, endpoint_id, failures"""  # noqa: S608 - put together from the texts above
# One writer at a time, so nothing to lock; and no LATERAL, whose place a numbering of the rows takes.
_SQLITE = f"""
    {_WAITING},
    head AS (
        SELECT delivery.id, delivery.endpoint_id, claimed_until,
            {_MOST.format(prompt=_PROMPT["sqlite"])} AS most,
            ROW_NUMBER() OVER (PARTITION BY delivery.endpoint_id ORDER BY next_attempt_at) AS place
        FROM waiting JOIN webhooks_endpoint AS endpoint ON endpoint.id = waiting.endpoint_id AND {_OPEN}
        JOIN webhooks_delivery AS delivery ON next_attempt_at <= %(now)s AND delivery.id IN (
            SELECT id FROM (
                SELECT id FROM webhooks_delivery
                WHERE NOT fifo AND endpoint_id = endpoint.id
                AND status = 'pending' AND next_attempt_at <= %(now)s
                ORDER BY next_attempt_at LIMIT %(per_endpoint)s)
            UNION ALL
            SELECT {_FIRST_IN_ORDER} WHERE fifo
            UNION ALL
            SELECT {_TEST} WHERE fifo)),
    next AS (
        SELECT id, endpoint_id, ROW_NUMBER() OVER (PARTITION BY endpoint_id ORDER BY place) AS visit
        FROM head WHERE place <= most AND {_FREE})
    UPDATE webhooks_delivery SET claim_token = %(token)s, claimed_until = %(lease_end)s,
        alone = NOT is_test
            AND (SELECT fifo FROM webhooks_endpoint AS endpoint WHERE endpoint.id = endpoint_id)
    WHERE id IN (
        SELECT id FROM next WHERE visit <= %(at_a_visit)s ORDER BY endpoint_id, visit LIMIT %(limit)s)
    RETURNING id, event_id, endpoint_id, failures"""  # noqa: S608 - put together from the texts above
_STATEMENTS = {"postgresql": _POSTGRESQL, "sqlite": _SQLITE}


def _lease_round(*, now: datetime, prompt: Collection[int], **parameters: Any) -> list[Lease]:
    adapted = connection.ops.adapt_datetimefield_value
    parameters |= {
        "now": adapted(now),
        "lease_end": adapted(now + LEASE),
        "prompt": list(prompt) if connection.vendor == "postgresql" else json.dumps(list(prompt)),
        "per_endpoint": PER_ENDPOINT,
        "per_unknown_endpoint": PER_UNKNOWN_ENDPOINT,
    }
    # One statement is a transaction by itself: BEGIN and COMMIT would be two more round trips.
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENTS[connection.vendor], parameters)
        leased = [Lease(*row) for row in cursor.fetchall()]
    return sorted(leased, key=lambda lease: lease.endpoint_id)

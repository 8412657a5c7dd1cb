"""The order of the audit trail: whoever has read up to an event has seen all that come before it.

PostgreSQL gives out an id when a row is inserted, not when it is committed: number 5 may appear after
number 6 was read. So a writer first announces, as an advisory lock, the last id given out before its own,
and a reader stops at the lowest announcement. Nobody waits for anybody. SQLite has one writer, and no gap.
"""

from __future__ import annotations

from django.db import connection
from django.db.models import Max, QuerySet

from credentials.models import Event

# The name of such a lock has 64 bits: these 16, then 48 of the id.
_NAMESPACE = 0x7066
_ID_BITS = 48

_ANNOUNCE = """
SELECT pg_advisory_xact_lock_shared(%s | last_value) FROM credentials_event_id_seq
"""
_LOWEST = f"""
SELECT min((classid::bigint << 32 | objid::bigint) & {(1 << _ID_BITS) - 1}) FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = {_NAMESPACE}
    AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""  # noqa: S608 - of the constants above
# The newest id is that of the statement's snapshot; the locks are looked up after it was taken. Whoever got
# an id up to that one either still holds its lock, or has committed what the next statement will see.
_SETTLED = f"SELECT LEAST((SELECT max(id) FROM credentials_event), ({_LOWEST}))"  # noqa: S608 - as above
_HAS_SETTLED = f"SELECT COALESCE(({_LOWEST}) >= %s, TRUE)"


def announce() -> None:
    """Tells readers, until the transaction ends, that events may appear below the newest one they see."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_ANNOUNCE, [_NAMESPACE << _ID_BITS])


def settled(events: QuerySet[Event]) -> QuerySet[Event]:
    """`events` up to the first one before which another may still appear."""
    if connection.vendor != "postgresql":
        return events
    with connection.cursor() as cursor:
        cursor.execute(_SETTLED)
        (newest,) = cursor.fetchone()
    return events.filter(pk__lte=newest or 0)


def last_given() -> int:
    """The newest id that has been given out, whether or not its event can be seen yet."""
    if connection.vendor != "postgresql":
        return Event.objects.aggregate(last=Max("pk"))["last"] or 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM credentials_event_id_seq")
        (last,) = cursor.fetchone()
    return int(last)


def has_settled(event_id: int) -> bool:
    """Whether every event up to this id, which has been given out, can be seen by now, or never will be."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(_HAS_SETTLED, [event_id])
        (settled,) = cursor.fetchone()
    return bool(settled)

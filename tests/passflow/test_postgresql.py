"""Whether a kept connection to PostgreSQL still lives is seen without asking."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps no connection"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def kept() -> Iterator[BaseDatabaseWrapper]:
    """A connection of its own."""
    other = connection.copy()
    other.ensure_connection()
    yield other
    other.close()


def test_a_connection_that_lives_costs_no_query(kept: BaseDatabaseWrapper) -> None:
    with kept.execute_wrapper(lambda *_: pytest.fail("asked")):
        assert kept.is_usable()


def test_a_server_that_said_farewell_is_noticed(kept: BaseDatabaseWrapper) -> None:
    with kept.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    assert not kept.is_usable()
    # As at the end of a request; the next one then finds a connection of its own.
    kept.close_if_unusable_or_obsolete()
    with kept.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != (backend,)


def test_a_connection_in_a_failed_transaction_is_of_no_use() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        with pytest.raises(DatabaseError):
            cursor.execute("SELECT nothing")
        assert not connection.is_usable()
        transaction.set_rollback(True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert connection.is_usable()

"""Inserts rows by the thousand: what the ORM's own way costs is mostly its own time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    BigAutoField,
    BooleanField,
    CharField,
    Field,
    ForeignKey,
    Model,
    PositiveIntegerField,
)

# For fewer, the ORM needs fewer round trips.
WORTHWHILE = 100


def insert_all(rows: Sequence[Model]) -> None:
    """Inserts new rows of one model in the current transaction, and gives them their primary keys."""
    if not rows:
        return
    if connection.vendor == "postgresql" and len(rows) >= WORTHWHILE:
        _number(rows)
        _copy(rows)
    else:
        type(rows[0])._default_manager.bulk_create(rows)


def insert_values(model: type[Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Inserts rows of plain values without a model for each, where there are many; nobody learns their keys.

    `columns` are the attributes that a model would be made with; what is not named takes the default of the
    database.
    """
    if connection.vendor == "postgresql" and len(rows) >= WORTHWHILE:
        copy_rows(model._meta.db_table, columns, rows)
    else:
        insert_all([model(**dict(zip(columns, row, strict=True))) for row in rows])


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Inserts rows of adapted values by PostgreSQL's COPY; raises what the ORM would raise."""
    copy = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    # Django wraps the errors of what it executes itself only.
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(copy) as copied:
        for row in rows:
            copied.write_row(row)


def _number(rows: Sequence[Model]) -> None:
    table = rows[0]._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, len(rows)]
        )
        for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = number


def _copy(rows: Sequence[Model]) -> None:
    # Not the proxy that Django exports: it would be looked through for every single value.
    database = connections[DEFAULT_DB_ALIAS]
    fields = rows[0]._meta.concrete_fields
    columns = [map(_plain(field) or _prepared(field, database), rows) for field in fields]
    copy_rows(rows[0]._meta.db_table, [field.column for field in fields], zip(*columns, strict=True))
    for row in rows:
        row._state.adding, row._state.db = False, database.alias


# Fields that hold what the database takes, so that nothing is left to prepare.
_PLAIN = frozenset({BigAutoField, BooleanField, CharField, ForeignKey, PositiveIntegerField})


def _plain(field: Field[Any, Any]) -> Callable[[Model], Any] | None:
    return attrgetter(field.attname) if type(field) in _PLAIN else None


def _prepared(field: Field[Any, Any], database: BaseDatabaseWrapper) -> Callable[[Model], Any]:
    return lambda row: field.get_db_prep_save(field.pre_save(row, add=True), database)

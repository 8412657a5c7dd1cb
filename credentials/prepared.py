"""A look-up whose SQL is made once per process: for the doors that everybody knocks at.

Making SQL from a queryset with several joins costs more than PostgreSQL takes to answer it, and a new cursor
and Django's way from a row to its models about as much again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model, QuerySet
from django.db.models.base import ModelState
from django.db.models.query import get_related_populators  # type: ignore[attr-defined]  # not in the stubs

Row = TypeVar("Row", bound=Model)
Values = tuple[Any, ...]


class Lookup(Generic[Row]):
    """The row whose unique `column` holds a value, as its queryset gives it: joins, annotations and all.

    `rows` is asked for the queryset once, at the first look-up.
    """

    def __init__(self, rows: Callable[[], QuerySet[Row]], *, column: str) -> None:
        self._rows = rows
        self._column = column

    def get(self, value: Any) -> Row | None:
        """The row, or `None`, in one query."""
        prepared = self._prepared
        adapted = prepared.field.get_db_prep_value(value, connection)
        found = _fetch(prepared.sql, (*prepared.params, adapted))
        return None if found is None else prepared.build(found)

    @cached_property
    def _prepared(self) -> _Prepared:
        rows = self._rows()
        field: Any = rows.model._meta.get_field(self._column)
        # Any value will do for making the SQL; the condition comes last, and so does its parameter.
        compiler = rows.filter(**{self._column: bytes(1)}).query.get_compiler(using=DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        return _Prepared(sql, tuple(params[:-1]), field, _builder(compiler))


@dataclass(frozen=True)
class _Prepared:
    sql: str
    params: Values
    field: Any
    build: Callable[[Values], Any]


# By connection of psycopg's, which goes with it.
_cursors: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def _fetch(sql: str, params: Values) -> Values | None:
    """The first row, by a cursor that is kept as long as its connection; as Django's own does it."""
    if connection.vendor != "postgresql" or connection.queries_logged or connection.execute_wrappers:
        with connection.cursor() as cursor:
            return _first(cursor, sql, params)
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        kept = _cursors.get(connection.connection)
        if kept is None:
            kept = _cursors[connection.connection] = connection.create_cursor()
        return _first(kept, sql, params)


def _first(cursor: Any, sql: str, params: Values) -> Values | None:
    cursor.execute(sql, params)
    found: Values | None = cursor.fetchone()
    return found


def _builder(compiler: Any) -> Callable[[Values], Any]:
    """What Django's own `ModelIterable` makes of a row, with all that is the same for every row taken out."""
    converters = compiler.get_converters([column[0] for column in compiler.select])
    fields = compiler.klass_info["select_fields"]
    start, end = fields[0], fields[-1] + 1
    names = [column[0].target.attname for column in compiler.select[start:end]]
    make = _maker(compiler.klass_info["model"], names, using=compiler.using)
    related = [
        _related(one) for one in get_related_populators(compiler.klass_info, compiler.select, compiler.using)
    ]
    annotations = tuple(compiler.annotation_col_map.items())

    def build(found: Values) -> Any:
        row = next(iter(compiler.apply_converters([found], converters))) if converters else found
        instance = make(row[start:end])
        for relate in related:
            relate(row, instance)
        vars(instance).update((name, row[position]) for name, position in annotations)
        return instance

    return build


def _maker(model: type[Model], names: Sequence[str], *, using: str) -> Callable[[Sequence[Any]], Any]:
    """What `Model.from_db` does for columns by these names; nobody here listens to its signals."""

    def make(values: Sequence[Any]) -> Any:
        instance = model.__new__(model)
        # What is not among the names is deferred, as Django knows by its absence.
        vars(instance).update(zip(names, values, strict=True))
        instance._state = ModelState()
        instance._state.db, instance._state.adding = using, False
        return instance

    return make


def _related(populator: Any) -> Callable[[Values, Any], None]:
    """What Django's `RelatedPopulator` does: makes the related instance, if any, and ties it to this one.

    Models that inherit tables have columns in another order, and are none of ours.
    """
    make = _maker(populator.model_cls, populator.init_list, using=populator.db)
    start, end, primary_key = populator.cols_start, populator.cols_end, populator.pk_idx
    further = [_related(one) for one in populator.related_populators]

    def relate(row: Values, instance: Any) -> None:
        values = row[start:end]
        found = None if values[primary_key] is None else make(values)
        populator.local_setter(instance, found)
        if found is not None:
            populator.remote_setter(found, instance)
            for relate_further in further:
                relate_further(row, found)

    return relate

"""A look-up whose SQL is made once per process: for the doors that everybody knocks at.

Making SQL from a queryset with several joins costs more than PostgreSQL takes to answer it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators  # type: ignore[attr-defined]  # not in the stubs

Row = TypeVar("Row", bound=Model)


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
        with connection.cursor() as cursor:
            cursor.execute(prepared.sql, (*prepared.params, adapted))
            found = cursor.fetchone()
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
    params: tuple[Any, ...]
    field: Any
    build: Callable[[tuple[Any, ...]], Any]


def _builder(compiler: Any) -> Callable[[tuple[Any, ...]], Any]:
    """What Django's own `ModelIterable` makes of a row, with all that is the same for every row taken out."""
    model, fields = compiler.klass_info["model"], compiler.klass_info["select_fields"]
    start, end = fields[0], fields[-1] + 1
    names = [column[0].target.attname for column in compiler.select[start:end]]
    populators = get_related_populators(compiler.klass_info, compiler.select, compiler.using)
    converters = compiler.get_converters([column[0] for column in compiler.select])
    annotations = tuple(compiler.annotation_col_map.items())

    def build(found: tuple[Any, ...]) -> Any:
        row = next(iter(compiler.apply_converters([found], converters))) if converters else found
        instance = model.from_db(compiler.using, names, row[start:end])
        for populator in populators:
            populator.populate(row, instance)
        for name, position in annotations:
            vars(instance)[name] = row[position]
        return instance

    return build

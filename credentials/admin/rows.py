"""What the admin's lists and pages are made of: bounded, and read-only unless their noun says more."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from credentials.admin.subscriptable import ModelAdmin

M = TypeVar("M", bound=Model)
MOST_ROWS_LISTED = 10_000


def actor(request: HttpRequest) -> str:
    """Who the audit trail names for what this request does."""
    return f"admin:{request.user.get_username()}"


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # it pages through every kind of row
    """Counts no further than anybody pages: the newest rows of a large table, without reading all of it."""

    @cached_property
    def count(self) -> int:
        """How many rows there are to page through."""
        rows: Any = self.object_list
        return int(rows[:MOST_ROWS_LISTED].count())


class WhetherFilter(admin.EmptyFieldListFilter):
    """By a date that is there or not: "suspended" yes or no, from `suspended_at`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.title = str(self.title).removesuffix(" at")

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Django's, in words."""
        for words, choice in zip(("All", "No", "Yes"), super().choices(changelist), strict=True):
            yield {**choice, "display": words}


class RowAdmin(ModelAdmin[M]):
    """A list that stays quick however many rows there are; nothing is deleted."""

    paginator = BoundedPaginator
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    # What to do about it when there is nothing to list.
    empty_list = ""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, called by what is in it."""
        plural = str(self.opts.verbose_name_plural)
        title = {"title": plural[0].upper() + plural[1:]}
        return super().changelist_view(request, {**title, **(extra_context or {})})

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """What has happened stays."""
        return False


class ReadOnlyAdmin(RowAdmin[M]):
    """Rows that are written by what happens, and only looked at here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """What happens is not typed in."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Nor is it corrected."""
        return False

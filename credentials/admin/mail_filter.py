"""Finds those whom no mail has reached: the last one that was asked for has failed."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from credentials.models import Invitation

M = TypeVar("M", bound=Model)


class LastMailFilter(admin.SimpleListFilter):
    """Credentials by their last mail."""

    title = "last mail"
    parameter_name = "mail"
    # The way from a mail to what is listed.
    path = "credential"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """What can be asked for."""
        return [("failed", "Failed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[M]) -> QuerySet[M]:
        """The rows that are asked for, found from the few mails that failed."""
        if self.value() != "failed":
            return queryset
        failed: Any = Invitation.objects.failed_last().values(self.path)
        return queryset.filter(pk__in=failed)


class LastMailOfPersonFilter(LastMailFilter):
    """People by the last mail about any of their credentials."""

    path = "credential__person"

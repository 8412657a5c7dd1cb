"""Rows that are made by a form and from then on change by orders alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

from credentials.admin.orders import OrderAdmin
from credentials.admin.rows import M

ONE_WAY_TO_SAVE = {"show_save_and_continue": False, "show_save_and_add_another": False}
NOTHING_TO_SAVE = {**ONE_WAY_TO_SAVE, "show_save": False}


class RecordAdmin(OrderAdmin[M]):
    """A page that shows what is, in the groups of `details`; nothing on it can be saved."""

    details: Sequence[tuple[str | None, dict[str, Any]]] = ()
    add_title = ""

    def get_fieldsets(self, request: HttpRequest, obj: M | None = None) -> Any:
        """What is asked for a new row, or else what is shown of one."""
        return self.details if obj else super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: M | None = None) -> list[str]:
        """Everything, once it is there."""
        return [name for _, part in self.details for name in part["fields"]] if obj else []

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, which ends at the row that it makes."""
        return super().add_view(
            request, form_url, {"title": self.add_title, **ONE_WAY_TO_SAVE, **(extra_context or {})}
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page, which takes no form."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        title = str(self.opts.verbose_name)
        shown = {"title": title[0].upper() + title[1:], **NOTHING_TO_SAVE, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, shown)

"""Orders on a row's page or on many rows of a list: asked about by GET, carried out by POST, one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from credentials.admin.rows import M, actor
from credentials.admin.verbs import VerbAdmin
from credentials.errors import Refusal

MOST_IN_BULK = 500
MOST_REFUSALS_TOLD = 10


@dataclass(frozen=True)
class Order(Generic[M]):
    """One thing that can be ordered of a row; `carry_out` is its verb."""

    name: str
    label: str
    question: str
    done: str
    carry_out: Callable[..., object]
    applies: Callable[[M], bool]
    form: type[forms.Form] = forms.Form
    is_grave: bool = False
    is_for_many: bool = False


class OrderAdmin(VerbAdmin[M]):
    """Rows whose page has a button for each order that they can be given now."""

    orders: Sequence[Order[M]] = ()
    change_form_template = "admin/row_with_orders.html"

    def get_urls(self) -> list[URLPattern]:
        """One address more: an order on a row."""
        view = self.admin_site.admin_view(self.order_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_order"
        return [path("<path:object_id>/order/<slug:order_name>/", view, name=name), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a row, with its buttons."""
        orders = self.orders_for(request, self.get_object(request, object_id))
        return super().change_view(request, object_id, form_url, {"orders": orders, **(extra_context or {})})

    def orders_for(self, request: HttpRequest, row: M | None) -> list[Order[M]]:
        """The orders that this person may give on the row as it stands."""
        if row is None or not self.has_change_permission(request, row):
            return []
        return [order for order in self.orders if order.applies(row)]

    def order_view(self, request: HttpRequest, object_id: str, order_name: str) -> HttpResponse:
        """Asks, and on POST gives the order."""
        row = self.get_object(request, object_id)
        order = next((order for order in self.orders if order.name == order_name), None)
        if row is None or order is None:
            raise Http404
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        form = order.form(request.POST if request.method == "POST" else None)
        if form.is_valid():
            return self._give(request, row, order=order, form=form)
        return self._ask(request, row, order=order, form=form)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The orders that can be given on many rows at once."""
        actions: dict[str, Any] = super().get_actions(request)
        if self.has_change_permission(request):
            for order in self.orders:
                if order.is_for_many:
                    actions[order.name] = (
                        partial(_give_to_many, order=order),
                        order.name,
                        f"{order.label} …",
                    )
        return actions

    def log_order(self, request: HttpRequest, row: M, *, order: Order[M]) -> None:
        """Notes the order in the admin's own history."""
        self.log_change(request, row, order.label)

    def _ask(self, request: HttpRequest, row: M, *, order: Order[M], form: forms.Form) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": order.label,
            "subtitle": str(row),
            "opts": self.opts,
            "original": row,
            "order": order,
            "form": form,
            "media": self.media + form.media,
        }
        return TemplateResponse(request, "admin/order.html", context)

    def _give(self, request: HttpRequest, row: M, *, order: Order[M], form: forms.Form) -> HttpResponse:
        try:
            made = order.carry_out(row, actor=actor(request), **form.cleaned_data)
        except Refusal as refusal:
            field = getattr(refusal, "field", "")
            if field in form.fields:
                form.add_error(field, refusal.sentence)
                return self._ask(request, row, order=order, form=form)
            self.message_user(request, refusal.sentence, messages.ERROR)
            return HttpResponseRedirect(_page_of(row))
        self.log_order(request, row, order=order)
        if isinstance(made, tuple) and made[1]:
            return self.show_once(request, row, secret=made[1])
        self.message_user(request, order.done, messages.SUCCESS)
        return HttpResponseRedirect(_page_of(row))


def _give_to_many(
    admin: OrderAdmin[M], request: HttpRequest, rows: QuerySet[M], *, order: Order[M]
) -> TemplateResponse | None:
    """Asks with all rows by name; once confirmed, each has its own verb, transaction and event."""
    chosen = list(rows[: MOST_IN_BULK + 1])
    if len(chosen) > MOST_IN_BULK:
        admin.message_user(request, f"Choose at most {MOST_IN_BULK} at a time.", messages.ERROR)
        return None
    if "confirmed" not in request.POST:
        context = {
            **admin.admin_site.each_context(request),
            "title": order.label,
            "opts": admin.opts,
            "order": order,
            "rows": chosen,
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/order_for_many.html", context)
    _tell(
        admin, request, given=len(chosen), refused=_refusals(admin, request, chosen, order=order), order=order
    )
    return None


def _refusals(admin: OrderAdmin[M], request: HttpRequest, rows: list[M], *, order: Order[M]) -> list[str]:
    refused = []
    for row in rows:
        try:
            order.carry_out(row, actor=actor(request))
        except Refusal as refusal:
            refused.append(f"{row}: {refusal.sentence}")
        else:
            admin.log_order(request, row, order=order)
    return refused


def _tell(
    admin: OrderAdmin[M], request: HttpRequest, *, given: int, refused: list[str], order: Order[M]
) -> None:
    done = given - len(refused)
    if done:
        admin.message_user(request, f"{order.label}: done for {done}.", messages.SUCCESS)
    for sentence in refused[:MOST_REFUSALS_TOLD]:
        admin.message_user(request, f"{order.label}: refused for {sentence}", messages.ERROR)
    if len(refused) > MOST_REFUSALS_TOLD:
        more = len(refused) - MOST_REFUSALS_TOLD
        admin.message_user(request, f"{order.label}: refused for {more} more.", messages.ERROR)


def _page_of(row: M) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])

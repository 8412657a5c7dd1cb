"""Deliveries with every attempt."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from credentials.admin.badges import badge, link
from credentials.admin.orders import Order
from credentials.admin.records import RecordAdmin
from credentials.admin.subscriptable import TabularInline
from credentials.event_types import PUBLIC_EVENT_TYPES
from credentials.models import Credential, Event
from webhooks import answers, deliveries, payloads
from webhooks.delivery_log import MOST_OF_TYPE
from webhooks.models import Attempt, Delivery, DeliveryStatus, Endpoint

_TONES = {
    DeliveryStatus.PENDING: "waiting",
    DeliveryStatus.SUCCEEDED: "good",
    DeliveryStatus.FAILED: "bad",
    DeliveryStatus.CANCELLED: "over",
}
_OF_ENDPOINT = "endpoint__id__exact"


RETRY = Order[Delivery](
    name="retry",
    label="Send again",
    question="The same message is sent again now, with a fresh schedule of attempts.",
    done="The delivery is on its way.",
    carry_out=deliveries.retry_delivery,
    applies=lambda delivery: delivery.endpoint.enabled,
    is_for_many=True,
)


class TypeFilter(admin.SimpleListFilter):
    """By type of event, where the list is that of one endpoint: in all at once it is too long a search."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The types that webhooks carry."""
        shown = _OF_ENDPOINT in request.GET
        return [(str(name), str(name)) for name in PUBLIC_EVENT_TYPES] if shown else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        """Those of the account's newest events of the type."""
        chosen = request.GET.get(_OF_ENDPOINT, "")
        endpoint = Endpoint.objects.filter(pk=int(chosen)).first() if chosen.isdecimal() else None
        if not self.value() or endpoint is None:
            return queryset
        return _of(queryset, Event.objects.filter(account=endpoint.account_id, type=self.value()))


class CredentialFilter(admin.SimpleListFilter):
    """By credential: its own page leads here."""

    title = "credential"
    parameter_name = "credential"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The one that is chosen."""
        chosen = request.GET.get(self.parameter_name, "")
        rows = Credential.objects.filter(pk=int(chosen)) if chosen.isdecimal() else ()
        return [(chosen, str(row)) for row in rows]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        """Those of its newest events."""
        chosen = self.value() or ""
        if not chosen.isdecimal():
            return queryset
        return _of(queryset, Event.objects.filter(credential=int(chosen)))


class AttemptInline(TabularInline[Attempt, Delivery]):
    """The attempts of a delivery."""

    model = Attempt
    fields = readonly_fields = ("started_at", "duration_ms", "outcome", "response_status", "answer")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Attempts are made, not typed in."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nor are they corrected."""
        return False

    @admin.display(description="answer")
    def answer(self, attempt: Attempt) -> SafeString:
        """What the receiver said, as text."""
        return format_html("<pre>{}</pre>", answers.shown(attempt))


@admin.register(Delivery)
class DeliveryAdmin(RecordAdmin[Delivery]):
    """Deliveries to all endpoints, newest first."""

    orders = (RETRY,)
    details = (
        (
            None,
            {
                "fields": (
                    *("public_id", "about", "to", "standing", "failures"),
                    *("created_at", "next_attempt_at", "finished_at", "payload"),
                )
            },
        ),
    )
    inlines = (AttemptInline,)
    list_display = ("public_id", "event_type", "to", "standing", "created_at")
    list_filter = ("status", TypeFilter, CredentialFilter)
    list_select_related = ("event", "endpoint")
    search_fields = ("=public_id", "=event__public_id", "=endpoint__public_id")
    search_help_text = "A whole id of a delivery, of an event or of an endpoint."
    sortable_by = ()

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Newest first, as the index has it that finds them."""
        return ("-created_at", "-pk") if _OF_ENDPOINT in request.GET else ("-pk",)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Also by endpoint, whose page leads here."""
        return lookup == _OF_ENDPOINT or super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Deliveries come with their events."""
        return False

    @admin.display(description="event")
    def event_type(self, delivery: Delivery) -> str:
        """What it tells of."""
        return delivery.event.type

    @admin.display(description="event")
    def about(self, delivery: Delivery) -> SafeString | str:
        """The way to its event."""
        return link(delivery.event)

    @admin.display(description="endpoint")
    def to(self, delivery: Delivery) -> SafeString | str:
        """The way to its endpoint."""
        return link(delivery.endpoint)

    @admin.display(description="status")
    def standing(self, delivery: Delivery) -> SafeString:
        """How far it has come."""
        status = DeliveryStatus(delivery.status)
        return badge(str(status.label), _TONES[status])

    @admin.display(description="message")
    def payload(self, delivery: Delivery) -> SafeString:
        """What receivers read, laid out for people."""
        message = json.loads(payloads.body(delivery.event))
        return format_html("<pre>{}</pre>", json.dumps(message, indent=2))


def _of(found: QuerySet[Delivery], events: QuerySet[Event]) -> QuerySet[Delivery]:
    """Named one by one, so that the database begins with these few."""
    newest = events.order_by("-pk").values_list("pk", flat=True)[:MOST_OF_TYPE]
    return found.filter(event__in=list(newest))

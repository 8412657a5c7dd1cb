"""Deliveries with every attempt."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString

from credentials.admin.badges import badge, link
from credentials.admin.orders import Order
from credentials.admin.records import RecordAdmin
from credentials.admin.subscriptable import TabularInline
from webhooks import deliveries
from webhooks.models import Attempt, Delivery, DeliveryStatus

_TONES = {
    DeliveryStatus.PENDING: "waiting",
    DeliveryStatus.SUCCEEDED: "good",
    DeliveryStatus.FAILED: "bad",
    DeliveryStatus.CANCELLED: "over",
}

RETRY = Order[Delivery](
    name="retry",
    label="Send again",
    question="The same message is sent again now, with a fresh schedule of attempts.",
    done="The delivery is on its way.",
    carry_out=deliveries.retry_delivery,
    applies=lambda delivery: delivery.endpoint.enabled,
    is_for_many=True,
)


class AttemptInline(TabularInline[Attempt, Delivery]):
    """The attempts of a delivery."""

    model = Attempt
    fields = readonly_fields = ("started_at", "duration_ms", "outcome", "response_status", "response_excerpt")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Attempts are made, not typed in."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nor are they corrected."""
        return False


@admin.register(Delivery)
class DeliveryAdmin(RecordAdmin[Delivery]):
    """Deliveries to all endpoints, newest first."""

    orders = (RETRY,)
    details = (
        (
            None,
            {
                "fields": (
                    "public_id",
                    "event",
                    "to",
                    "standing",
                    "failures",
                    "next_attempt_at",
                    "finished_at",
                )
            },
        ),
    )
    inlines = (AttemptInline,)
    list_display = ("public_id", "event_type", "to", "standing", "created_at", "next_attempt_at")
    list_filter = ("status",)
    list_select_related = ("event", "endpoint")
    search_fields = ("=public_id", "=event__public_id", "=endpoint__public_id")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Deliveries come with their events."""
        return False

    @admin.display(description="event")
    def event_type(self, delivery: Delivery) -> str:
        """What it tells of."""
        return delivery.event.type

    @admin.display(description="endpoint")
    def to(self, delivery: Delivery) -> SafeString | str:
        """The way to its endpoint."""
        return link(delivery.endpoint)

    @admin.display(description="status")
    def standing(self, delivery: Delivery) -> SafeString:
        """How far it has come."""
        status = DeliveryStatus(delivery.status)
        return badge(str(status.label), _TONES[status])

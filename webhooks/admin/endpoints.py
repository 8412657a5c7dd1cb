"""Endpoints, and what can be ordered of them."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from credentials.admin.badges import badge
from credentials.admin.orders import Order, OrderAdmin
from credentials.admin.verbs import Columns, VerbForm
from credentials.event_types import PUBLIC_EVENT_TYPES
from webhooks import endpoints
from webhooks.models import Endpoint

TEST = Order[Endpoint](
    name="test",
    label="Send a test message",
    question="A webhook.test message is sent to this endpoint alone.",
    done="The test message is on its way.",
    carry_out=endpoints.send_test,
    applies=lambda endpoint: endpoint.enabled,
)
ROTATE = Order[Endpoint](
    name="rotate",
    label="Rotate the secret",
    question="The new signing secret is shown once. For a day, messages carry the signature of both.",
    done="",
    carry_out=endpoints.rotate_secret,
    applies=lambda endpoint: endpoint.deleted_at is None,
)
DISABLE = Order[Endpoint](
    name="disable",
    label="Disable",
    question="Nothing more is sent; deliveries on their way are cancelled.",
    done="The endpoint is disabled.",
    carry_out=endpoints.disable_endpoint,
    applies=lambda endpoint: endpoint.enabled,
    is_grave=True,
    is_for_many=True,
)
ENABLE = Order[Endpoint](
    name="enable",
    label="Enable",
    question="What happens from now on is sent again.",
    done="The endpoint is enabled.",
    carry_out=endpoints.enable_endpoint,
    applies=lambda endpoint: endpoint.deleted_at is None and not endpoint.enabled,
    is_for_many=True,
)
DELETE = Order[Endpoint](
    name="delete",
    label="Delete",
    question="Nothing more is sent, and the signing secrets are forgotten. The deliveries stay on record.",
    done="The endpoint is deleted.",
    carry_out=endpoints.delete_endpoint,
    applies=lambda endpoint: endpoint.deleted_at is None,
    is_grave=True,
)


class EndpointForm(VerbForm[Endpoint]):
    """An endpoint as an admin writes it."""

    event_types = forms.MultipleChoiceField(
        choices=[(event_type.value, event_type.value) for event_type in PUBLIC_EVENT_TYPES],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: every type.",
    )

    class Meta:
        model = Endpoint
        fields = ("account", "url", "description", "event_types")


@admin.register(Endpoint)
class EndpointAdmin(OrderAdmin[Endpoint]):
    """Where events are sent, of all accounts."""

    form = EndpointForm
    orders = (TEST, ROTATE, DISABLE, ENABLE, DELETE)
    secret_name = "signing secret"
    list_display = ("public_id", "account", "url", "description", "standing", "created_at")
    list_filter = (
        ("disabled_at", admin.EmptyFieldListFilter),
        ("deleted_at", admin.EmptyFieldListFilter),
        "account",
    )
    list_select_related = ("account",)
    search_fields = ("=public_id", "url", "description")
    ordering = ("-pk",)

    def get_fields(self, request: HttpRequest, obj: Endpoint | None = None) -> tuple[str, ...]:
        """What has happened to it follows what was asked for."""
        asked = EndpointForm.Meta.fields
        return (*asked, *self.get_readonly_fields(request, obj)[1:]) if obj else asked

    def get_readonly_fields(self, request: HttpRequest, obj: Endpoint | None = None) -> tuple[str, ...]:
        """It stays with its account."""
        return ("account", "standing", "sent", "created_at", "updated_at") if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Endpoint | None = None) -> bool:
        """Of a deleted endpoint nothing is left to change."""
        return super().has_change_permission(request, obj) and (obj is None or obj.deleted_at is None)

    def create(self, columns: Columns, *, actor: str) -> tuple[Endpoint, str | None]:
        """A new endpoint, its secret shown once."""
        return endpoints.create_endpoint(actor=actor, **columns)

    def update(self, row: Endpoint, *, columns: Columns, actor: str) -> Endpoint:
        """What is named is changed."""
        return endpoints.update_endpoint(row, actor=actor, **columns)

    @admin.display(description="status")
    def standing(self, endpoint: Endpoint) -> SafeString:
        """Whether it is sent to, and else why not."""
        if endpoint.deleted_at is not None:
            return badge("Deleted", "over")
        return (
            badge("Enabled", "good")
            if endpoint.enabled
            else badge(endpoint.get_disabled_reason_display(), "bad")
        )

    @admin.display(description="deliveries")
    def sent(self, endpoint: Endpoint) -> SafeString:
        """The way to its deliveries."""
        page = reverse("admin:webhooks_delivery_changelist")
        return format_html('<a href="{}?endpoint__id__exact={}">Show</a>', page, endpoint.pk)

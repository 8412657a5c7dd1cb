"""Endpoints, and what can be ordered of them."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from credentials.admin.badges import NOTHING
from credentials.admin.orders import Order, OrderAdmin
from credentials.admin.rows import WhetherFilter
from credentials.admin.verbs import Columns, VerbForm
from credentials.event_types import PUBLIC_EVENT_TYPES
from webhooks import endpoints
from webhooks.admin import health, replays
from webhooks.endpoints import LONGEST_OVERLAP, OVERLAP
from webhooks.models import Endpoint, EndpointSecret, SignatureScheme

_OVERLAPS = {
    timedelta(): "Not at all: it has leaked",
    timedelta(hours=1): "For an hour",
    OVERLAP: "For a day",
    LONGEST_OVERLAP: "For a week",
}


class RotationForm(forms.Form):
    """What becomes of the former key, and which scheme the new one has."""

    overlap = forms.ChoiceField(
        choices=[(int(span.total_seconds()), words) for span, words in _OVERLAPS.items()],
        required=False,
        initial=int(OVERLAP.total_seconds()),
        label="The former key signs along",
        help_text="As long as receivers need to take over the new one.",
    )
    signature_scheme = forms.ChoiceField(
        choices=[("", "As it is"), *SignatureScheme.choices], required=False, label="Signature"
    )

    def clean_overlap(self) -> timedelta:
        """As a span of time; a day when nothing was chosen."""
        chosen = self.cleaned_data["overlap"]
        return timedelta(seconds=int(chosen)) if chosen else OVERLAP


TEST = Order[Endpoint](
    name="test",
    label="Send a test message",
    question="A webhook.test message is sent to this endpoint alone, and at once even if it is paused.",
    done="The test message is on its way.",
    carry_out=endpoints.send_test,
    applies=lambda endpoint: endpoint.enabled,
)
ROTATE = Order[Endpoint](
    name="rotate",
    label="Rotate the key",
    question="From now on messages are signed with a new key. A shared secret (v1) is shown on the next "
    "page, and only there; a public key (v1a) can be read on the endpoint's page at any time.",
    done="The key has been rotated; receivers verify with the public key below.",
    carry_out=endpoints.rotate_secret,
    applies=lambda endpoint: endpoint.deleted_at is None,
    form=RotationForm,
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
    question="What happens from now on is sent again. What was missed can be replayed afterwards.",
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
    signature_scheme = forms.TypedChoiceField(
        choices=SignatureScheme.choices,
        initial=SignatureScheme.V1,
        empty_value=SignatureScheme.V1,
        required=False,
        label="Signature",
        widget=forms.RadioSelect,
        help_text="v1 is verified with a secret that is shown once, v1a with a public key.",
    )

    class Meta:
        model = Endpoint
        fields = ("account", "url", "description", "event_types", "fifo", "signature_scheme")
        help_texts = {
            "fifo": "One message at a time, in the order of the events. One that fails holds up all others.",
        }


@admin.register(Endpoint)
class EndpointAdmin(OrderAdmin[Endpoint]):
    """Where events are sent, of all accounts."""

    form = EndpointForm
    orders = (TEST, replays.REPLAY, ROTATE, DISABLE, ENABLE, DELETE)
    secret_name = "signing secret"
    list_display = ("public_id", "standing", "account", "description", "url", "created_at")
    list_filter = (
        ("failing_since", WhetherFilter),
        ("disabled_at", WhetherFilter),
        ("deleted_at", WhetherFilter),
        "account",
    )
    list_select_related = ("account",)
    search_fields = ("=public_id", "url", "description")
    ordering = ("-pk",)

    def get_fields(self, request: HttpRequest, obj: Endpoint | None = None) -> tuple[str, ...]:
        """How it fares comes first, then what was asked for, then what has come of it."""
        asked = EndpointForm.Meta.fields
        if obj is None:
            return asked
        happened = ("keys", "sent", "replayed", "created_at", "updated_at")
        return ("standing", "health", *asked, *happened)

    def get_readonly_fields(self, request: HttpRequest, obj: Endpoint | None = None) -> tuple[str, ...]:
        """It stays with its account; another signature takes another key, and so a rotation."""
        asked = EndpointForm.Meta.fields
        shown = set(self.get_fields(request, obj)).difference(asked)
        return ("account", "signature_scheme", *shown) if obj else ()

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
        """Whether it is sent to."""
        return health.standing(endpoint, now=timezone.now())

    def health(self, endpoint: Endpoint) -> str:
        """Since when it stands so, and why."""
        return health.in_words(endpoint, now=timezone.now())

    @admin.display(description="signing keys")
    def keys(self, endpoint: Endpoint) -> SafeString | str:
        """Each that signs now, the newest first, with what may be shown of it."""
        live = endpoint.secrets.live(timezone.now())
        lines = format_html_join(mark_safe("<br>"), "<code>{}</code> {}", map(_described, live))
        return lines or NOTHING

    @admin.display(description="deliveries")
    def sent(self, endpoint: Endpoint) -> SafeString:
        """The way to its deliveries."""
        page = reverse("admin:webhooks_delivery_changelist")
        return format_html('<a href="{}?endpoint__id__exact={}">Show</a>', page, endpoint.pk)

    @admin.display(description="replays")
    def replayed(self, endpoint: Endpoint) -> SafeString | str:
        """How far the latest has come, and the way to all."""
        latest = endpoint.replays.first()
        if latest is None:
            return NOTHING
        page = reverse("admin:webhooks_replay_changelist")
        words = (replays.standing(latest), replays.progress(latest), page, endpoint.pk)
        return format_html('{} {} – <a href="{}?endpoint__id__exact={}">Show all</a>', *words)


def _described(key: EndpointSecret) -> tuple[str, str]:
    name = key.public_key or "a shared secret"
    if key.expires_at is None:
        return name, f"since {health.minute(key.created_at)}"
    return name, f"signs along until {health.minute(key.expires_at)}"

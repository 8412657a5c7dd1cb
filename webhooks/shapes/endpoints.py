"""Endpoints as JSON."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from credentials.api.fields import Flag, Text
from credentials.event_types import PUBLIC_EVENT_TYPES
from credentials.timestamps import rfc3339
from webhooks.endpoints import LONGEST_OVERLAP, OVERLAP
from webhooks.models import DisabledReason, Endpoint, EndpointQuerySet, SignatureScheme

Json = dict[str, Any]

_FIFO = "One message at a time, in the order of the events: each waits until the one before has arrived."


@extend_schema_serializer(component_name="WebhookEndpoint")
class EndpointJson(serializers.Serializer[Endpoint]):
    """A URL that hears of the account's events."""

    id = serializers.CharField()
    url = serializers.CharField(allow_null=True, help_text="Null when the answer is replayed.")
    description = serializers.CharField()
    event_types = serializers.ListField(
        child=serializers.ChoiceField(choices=PUBLIC_EVENT_TYPES), help_text="Empty: every type."
    )
    fifo = serializers.BooleanField(help_text=_FIFO)
    signature_scheme = serializers.ChoiceField(choices=SignatureScheme.choices)
    public_key = serializers.CharField(
        allow_null=True, help_text="Verifies messages that are signed by `v1a`: `whpk_` and base64."
    )
    enabled = serializers.BooleanField(help_text="While false, nothing is sent.")
    disabled_reason = serializers.ChoiceField(choices=DisabledReason.choices, allow_null=True)
    disabled_at = serializers.DateTimeField(allow_null=True)
    failing_since = serializers.DateTimeField(
        allow_null=True, help_text="When the first attempt began of those that have all failed up to now."
    )
    paused_until = serializers.DateTimeField(
        allow_null=True,
        help_text="Until then it is left alone, as it keeps failing or has asked for it; deliveries wait.",
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    @classmethod
    def rows(cls, endpoints: EndpointQuerySet) -> EndpointQuerySet:
        """Each endpoint with all that is shown of it: two queries for any number."""
        return endpoints.prefetch_related("secrets")

    def to_representation(self, instance: Endpoint) -> Json:
        """The endpoint as JSON, without its secret."""
        return {
            "id": instance.public_id,
            "url": instance.url,
            "description": instance.description,
            "event_types": instance.event_types,
            "fifo": instance.fifo,
            "signature_scheme": instance.signature_scheme,
            "public_key": instance.public_key,
            "enabled": instance.enabled,
            "disabled_reason": instance.disabled_reason or None,
            "disabled_at": rfc3339(instance.disabled_at),
            "failing_since": rfc3339(instance.failing_since),
            "paused_until": rfc3339(instance.paused_until) if instance.paused(timezone.now()) else None,
            "created_at": rfc3339(instance.created_at),
            "updated_at": rfc3339(instance.updated_at),
        }


@extend_schema_serializer(component_name="WebhookEndpointWithSecret")
class EndpointWithSecretJson(EndpointJson):
    """An endpoint with its signing secret, as it is answered once."""

    secret = serializers.CharField(
        allow_null=True,
        help_text="Verifies messages that are signed by `v1`: `whsec_` and base64. Null with `v1a`, and when "
        "the answer is replayed.",
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Some types, verified with a public key",
            {
                "url": "https://hooks.example.org/passflow",
                "description": "Door controllers",
                "event_types": ["credential.added_to_wallet", "credential.revoked"],
                "signature_scheme": "v1a",
            },
            request_only=True,
        )
    ]
)
class EndpointInput(serializers.Serializer[Endpoint]):
    """An endpoint to create; unknown members are ignored."""

    url = Text(
        help_text="https://, of a public host, on port 443, 8443 or one that the operator allows; at most "
        "2048 characters."
    )
    description = Text(max_length=200, allow_blank=True, required=False)
    event_types = serializers.ListField(child=Text(), required=False, help_text="Empty: every type.")
    fifo = Flag(required=False, help_text=_FIFO)
    signature_scheme = serializers.ChoiceField(
        choices=SignatureScheme.choices,
        required=False,
        help_text="`v1`: HMAC-SHA256 with a secret that both sides know. `v1a`: Ed25519 with a public key.",
    )


class EndpointChanges(EndpointInput):
    """What can be changed about an endpoint; unknown members are ignored."""

    signature_scheme = serializers.ChoiceField(
        choices=SignatureScheme.choices,
        required=False,
        help_text="`v1a` mints a key pair; for a day, the former secret signs along. Back to `v1` leads "
        "`rotate_secret`, which shows the new secret.",
    )
    enabled = Flag(
        required=False,
        help_text="True also ends a pause: the next delivery is tried at once. False cancels what waits.",
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample("The former secret has leaked", {"overlap_seconds": 0}, request_only=True),
        OpenApiExample(
            "To a public key, within a week",
            {"overlap_seconds": 604_800, "signature_scheme": "v1a"},
            request_only=True,
        ),
    ]
)
class RotationInput(serializers.Serializer[Any]):
    """How a secret is rotated."""

    overlap_seconds = serializers.IntegerField(
        min_value=0,
        max_value=int(LONGEST_OVERLAP.total_seconds()),
        default=int(OVERLAP.total_seconds()),
        help_text="How long messages carry the former secret's signature too; 0 when it has leaked.",
    )
    signature_scheme = serializers.ChoiceField(
        choices=SignatureScheme.choices, required=False, help_text="That of the new key; else it stays."
    )

"""Endpoints as JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from credentials.api.fields import Flag, Text
from credentials.event_types import PUBLIC_EVENT_TYPES
from credentials.timestamps import rfc3339
from webhooks.endpoints import LONGEST_OVERLAP, OVERLAP
from webhooks.models import DisabledReason, Endpoint

Json = dict[str, Any]


@extend_schema_serializer(component_name="WebhookEndpoint")
class EndpointJson(serializers.Serializer[Endpoint]):
    """A URL that hears of the account's events."""

    id = serializers.CharField()
    url = serializers.CharField(allow_null=True, help_text="Null when the answer is replayed.")
    description = serializers.CharField()
    event_types = serializers.ListField(
        child=serializers.ChoiceField(choices=PUBLIC_EVENT_TYPES), help_text="Empty: every type."
    )
    enabled = serializers.BooleanField(help_text="While false, nothing is sent.")
    disabled_reason = serializers.ChoiceField(choices=DisabledReason.choices, allow_null=True)
    disabled_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def to_representation(self, instance: Endpoint) -> Json:
        """The endpoint as JSON, without its secret."""
        return {
            "id": instance.public_id,
            "url": instance.url,
            "description": instance.description,
            "event_types": instance.event_types,
            "enabled": instance.enabled,
            "disabled_reason": instance.disabled_reason or None,
            "disabled_at": rfc3339(instance.disabled_at),
            "created_at": rfc3339(instance.created_at),
            "updated_at": rfc3339(instance.updated_at),
        }


@extend_schema_serializer(component_name="WebhookEndpointWithSecret")
class EndpointWithSecretJson(EndpointJson):
    """An endpoint with its signing secret, as it is answered once."""

    secret = serializers.CharField(
        allow_null=True,
        help_text="Verifies messages, as Standard Webhooks says. Null when the answer is replayed.",
    )


class EndpointInput(serializers.Serializer[Endpoint]):
    """An endpoint to create; unknown members are ignored."""

    url = Text(help_text="https:// or http://, at most 2048 characters, of a public host.")
    description = Text(max_length=200, allow_blank=True, required=False)
    event_types = serializers.ListField(child=Text(), required=False, help_text="Empty: every type.")


class EndpointChanges(EndpointInput):
    """What can be changed about an endpoint; unknown members are ignored."""

    enabled = Flag(required=False)


class RotationInput(serializers.Serializer[Any]):
    """How a secret is rotated."""

    overlap_seconds = serializers.IntegerField(
        min_value=0,
        max_value=int(LONGEST_OVERLAP.total_seconds()),
        default=int(OVERLAP.total_seconds()),
        help_text="How long messages carry the former secret's signature too; 0 when it has leaked.",
    )

"""Deliveries and their attempts as JSON, and the query string of their list."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from credentials.event_types import PUBLIC_EVENT_TYPES
from credentials.timestamps import rfc3339
from webhooks import answers, payloads
from webhooks.delivery_log import MOST_OF_TYPE, find_deliveries
from webhooks.models import KEPT_OF_RESPONSE, Attempt, Delivery, DeliveryStatus, Endpoint
from webhooks.outcomes import Outcome

Json = dict[str, Any]


@extend_schema_serializer(component_name="WebhookAttempt")
class AttemptJson(serializers.Serializer[Attempt]):
    """One POST, and what came of it."""

    at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    response_status = serializers.IntegerField(allow_null=True)
    response = serializers.CharField(help_text=f"The answer, cut after {KEPT_OF_RESPONSE} characters.")

    def to_representation(self, instance: Attempt) -> Json:
        """The attempt as JSON."""
        return {
            "at": rfc3339(instance.started_at),
            "duration_ms": instance.duration_ms,
            "outcome": instance.outcome,
            "response_status": instance.response_status,
            "response": answers.shown(instance),
        }


@extend_schema_serializer(component_name="WebhookDelivery")
class DeliveryJson(serializers.Serializer[Delivery]):
    """One event on its way to one endpoint."""

    id = serializers.CharField()
    message_id = serializers.CharField(help_text="The header webhook-id, the same at every attempt.")
    event_type = serializers.ChoiceField(choices=PUBLIC_EVENT_TYPES)
    status = serializers.ChoiceField(choices=DeliveryStatus.choices)
    next_attempt_at = serializers.DateTimeField(allow_null=True, help_text="Null when none is planned.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    attempts = AttemptJson(many=True)

    @classmethod
    def rows(cls, deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
        """Each delivery with all that is shown of it: two queries for any number."""
        return deliveries.select_related("event").prefetch_related("attempts")

    def to_representation(self, instance: Delivery) -> Json:
        """The delivery as JSON; while it is being sent, no further attempt is planned."""
        planned = instance.status == DeliveryStatus.PENDING and instance.claim_token is None
        return {
            "id": instance.public_id,
            "message_id": payloads.message_id(instance.event),
            "event_type": instance.event.type,
            "status": instance.status,
            "next_attempt_at": rfc3339(instance.next_attempt_at) if planned else None,
            "created_at": rfc3339(instance.created_at),
            "finished_at": rfc3339(instance.finished_at),
            "attempts": [AttemptJson(attempt).data for attempt in instance.attempts.all()],
        }


@extend_schema_serializer(component_name="WebhookDeliveryWithPayload")
class DeliveryWithPayloadJson(DeliveryJson):
    """A delivery with the message itself."""

    payload = serializers.DictField(help_text="The body of the POST, the same at every attempt.")

    def to_representation(self, instance: Delivery) -> Json:
        """The delivery as JSON, and in it the message as receivers read it."""
        return {**super().to_representation(instance), "payload": json.loads(payloads.body(instance.event))}


class DeliveriesQuery(serializers.Serializer[Any]):
    """Which deliveries of an endpoint."""

    status = serializers.ChoiceField(choices=DeliveryStatus.choices, required=False)
    type = serializers.ChoiceField(
        choices=PUBLIC_EVENT_TYPES,
        required=False,
        help_text=f"Of the account's newest {MOST_OF_TYPE:,} events of this type, before `until`.",
    )
    credential_id = serializers.CharField(
        max_length=24, required=False, help_text="Of events of this credential."
    )
    webhook_id = serializers.RegexField(
        rf"^{payloads.MESSAGE_PREFIX}[0-9A-Za-z]{{1,24}}$",
        required=False,
        error_messages={"invalid": "This must be the webhook-id of a message: msg_ with letters and digits."},
        help_text="Of the message with this `webhook-id`.",
    )
    since = serializers.DateTimeField(required=False, help_text="Made at or after this time.")
    until = serializers.DateTimeField(required=False, help_text="Made before this time.")

    def listed(self, endpoint: Endpoint) -> QuerySet[Delivery]:
        """The newest that match."""
        names = {"type": "event_type", "webhook_id": "message_id"}
        asked = {names.get(name, name): value for name, value in self.validated_data.items()}
        return DeliveryJson.rows(find_deliveries(endpoint, **asked))

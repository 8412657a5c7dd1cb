"""What the API writes and reads of webhooks: each class is the JSON of one noun, described for OpenAPI."""

from __future__ import annotations

from webhooks.shapes.deliveries import AttemptJson, DeliveriesQuery, DeliveryJson, DeliveryWithPayloadJson
from webhooks.shapes.endpoints import (
    EndpointChanges,
    EndpointInput,
    EndpointJson,
    EndpointWithSecretJson,
    RotationInput,
)
from webhooks.shapes.replays import ReplayInput, ReplayJson

__all__ = [
    "AttemptJson",
    "DeliveriesQuery",
    "DeliveryJson",
    "DeliveryWithPayloadJson",
    "EndpointChanges",
    "EndpointInput",
    "EndpointJson",
    "EndpointWithSecretJson",
    "ReplayInput",
    "ReplayJson",
    "RotationInput",
]

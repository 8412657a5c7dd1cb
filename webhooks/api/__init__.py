"""`/webhook_endpoints` and `/deliveries`: where events are sent, and what came of it."""

from __future__ import annotations

from webhooks.api.deliveries import DeliveriesOfEndpoint, DeliveryRetry
from webhooks.api.endpoints import Endpoints, EndpointTest, OneEndpoint, SecretRotation

__all__ = [
    "DeliveriesOfEndpoint",
    "DeliveryRetry",
    "EndpointTest",
    "Endpoints",
    "OneEndpoint",
    "SecretRotation",
]

"""`/webhook_endpoints` and `/deliveries`: where events are sent, and what came of it."""

from __future__ import annotations

from webhooks.api.deliveries import DeliveriesOfEndpoint, DeliveryRetry, OneDelivery
from webhooks.api.endpoints import Endpoints, EndpointTest, OneEndpoint, SecretRotation
from webhooks.api.replays import NewReplay, OneReplay, ReplayCancellation, Replays

__all__ = [
    "DeliveriesOfEndpoint",
    "DeliveryRetry",
    "EndpointTest",
    "Endpoints",
    "NewReplay",
    "OneDelivery",
    "OneEndpoint",
    "OneReplay",
    "ReplayCancellation",
    "Replays",
    "SecretRotation",
]

"""Endpoints of integrators, the secrets they verify with, and every delivery with its attempts."""

from __future__ import annotations

from webhooks.models.deliveries import KEPT_OF_RESPONSE, Attempt, Delivery, DeliveryStatus
from webhooks.models.endpoints import (
    DisabledReason,
    Endpoint,
    EndpointQuerySet,
    EndpointSecret,
    SignatureScheme,
)
from webhooks.models.notices import Notice, NoticeKind
from webhooks.models.replays import Replay, ReplayStatus

__all__ = [
    "KEPT_OF_RESPONSE",
    "Attempt",
    "Delivery",
    "DeliveryStatus",
    "DisabledReason",
    "Endpoint",
    "EndpointQuerySet",
    "EndpointSecret",
    "Notice",
    "NoticeKind",
    "Replay",
    "ReplayStatus",
    "SignatureScheme",
]

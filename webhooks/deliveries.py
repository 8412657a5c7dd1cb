"""What people do with deliveries: send one again, or call off those of an endpoint."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from credentials import doorbell
from credentials.errors import Conflict
from webhooks.models import Delivery, DeliveryStatus, Endpoint

logger = logging.getLogger(__name__)

DISPATCHER = "webhooks.tasks.deliver_due"


def retry_delivery(delivery: Delivery, *, actor: str) -> Delivery:
    """Sends it again now, however it ended, with a fresh schedule; the id of the message stays the same.

    One that is being sent at this moment is left to it. Raises `Conflict` when its endpoint is sent nothing.
    """
    if not Endpoint.objects.listening().filter(pk=delivery.endpoint_id).exists():
        raise Conflict("The endpoint of this delivery is disabled; enable it first.")
    with transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk, claim_token=None).update(
            status=DeliveryStatus.PENDING, next_attempt_at=timezone.now(), failures=0, finished_at=None
        )
        doorbell.ring(DISPATCHER)
    logger.info("%s retries %s", actor, delivery)
    delivery.refresh_from_db()
    return delivery


def cancel_pending(endpoint: Endpoint, *, now: datetime) -> None:
    """Calls off whatever waits for `endpoint`; what a dispatcher holds at this moment is left to it."""
    waiting = endpoint.deliveries.filter(status=DeliveryStatus.PENDING, claim_token=None)
    waiting.update(status=DeliveryStatus.CANCELLED, finished_at=now)

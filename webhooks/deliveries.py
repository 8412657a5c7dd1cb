"""What people do with deliveries: send some again, or call off those of an endpoint."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from credentials import doorbell
from credentials.errors import Conflict
from credentials.event_types import EventType
from webhooks import breaker
from webhooks.models import Delivery, DeliveryStatus, Endpoint
from webhooks.trail import record_for_endpoint

logger = logging.getLogger(__name__)

DISPATCHER = "webhooks.tasks.deliver_due"

# What has been tried, or called off, and has not arrived.
NOT_ARRIVED = Q(status__in=(DeliveryStatus.FAILED, DeliveryStatus.CANCELLED)) | Q(
    status=DeliveryStatus.PENDING, failures__gt=0
)
_ON_ITS_WAY = Q(status=DeliveryStatus.PENDING, failures=0)


def retry_delivery(delivery: Delivery, *, actor: str) -> Delivery:
    """Sends it again now, however it ended, with a fresh schedule; the id of the message stays the same.

    It ends a pause of its endpoint. One that is being sent at this moment is left to it. Raises `Conflict`
    when its endpoint is sent nothing.
    """
    endpoint = Endpoint.objects.listening().select_related("account").filter(pk=delivery.endpoint_id).first()
    if endpoint is None:
        raise Conflict("The endpoint of this delivery is disabled; enable it first.")
    now = timezone.now()
    with transaction.atomic():
        try_at_once(endpoint, now=now)
        if _reopen(Delivery.objects.filter(pk=delivery.pk), now=now):
            retried = EventType.WEBHOOK_DELIVERY_RETRIED
            record_for_endpoint(retried, endpoint, actor=actor, now=now, delivery_id=delivery.public_id)
            doorbell.ring(DISPATCHER)
    logger.info("%s retries %s", actor, delivery)
    delivery.refresh_from_db()
    return delivery


def try_at_once(endpoint: Endpoint, *, now: datetime) -> None:
    """Ends a pause, in the current transaction: whoever asks for that may know that the receiver is back.

    In order, the first that waits holds up all others: it is due now, with a fresh schedule.
    """
    breaker.end_pause(endpoint, now=now)
    if endpoint.fifo:
        waiting = endpoint.deliveries.filter(status=DeliveryStatus.PENDING, is_test=False)
        _reopen(waiting.filter(pk__in=waiting.order_by("event").values("pk")[:1]), now=now)


def send_again(endpoint: Endpoint, event_ids: Sequence[int], *, only_failed: bool, now: datetime) -> None:
    """Queues these events for `endpoint`, in the current transaction; what waits already keeps its place.

    Whatever was delivered before keeps the id of its message; what never was owed to it is owed now, unless
    `only_failed`. The caller holds the endpoint's row.
    """
    owed = endpoint.deliveries.filter(event__in=event_ids)
    if only_failed:
        _reopen(owed.filter(NOT_ARRIVED), now=now)
        return
    known = set(owed.values_list("event", flat=True))
    _reopen(owed.exclude(_ON_ITS_WAY), now=now)
    # An event that commits at this moment may bring its delivery along.
    Delivery.objects.bulk_create(
        [
            Delivery(event_id=event_id, endpoint=endpoint, next_attempt_at=now)
            for event_id in event_ids
            if event_id not in known
        ],
        ignore_conflicts=True,
    )


def cancel_pending(endpoint: Endpoint, *, now: datetime) -> None:
    """Calls off whatever waits for `endpoint`; what a dispatcher holds at this moment is left to it."""
    waiting = endpoint.deliveries.filter(status=DeliveryStatus.PENDING, claim_token=None)
    waiting.update(status=DeliveryStatus.CANCELLED, finished_at=now)


def _reopen(deliveries: QuerySet[Delivery], *, now: datetime) -> int:
    return deliveries.filter(claim_token=None).update(
        status=DeliveryStatus.PENDING, next_attempt_at=now, failures=0, finished_at=None
    )

"""Writes what is owed to endpoints, in the transaction of the event itself: both are kept, or neither."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.utils import timezone

from credentials.copying import insert_values
from credentials.event_types import EventType
from credentials.models import Event
from credentials.tokens import mint_public_id
from webhooks.models import Delivery, DeliveryStatus, Endpoint
from webhooks.payloads import CARRIED_TYPES

# A test goes to the one endpoint that asked for it.
FANNED_OUT = CARRIED_TYPES - {EventType.WEBHOOK_TEST}


def write_deliveries(events: Sequence[Event]) -> None:
    """One delivery per event and endpoint of its account that hears it: two queries, whatever the number."""
    public = [event for event in events if event.type in FANNED_OUT]
    if not public:
        return
    endpoints: defaultdict[int, list[Endpoint]] = defaultdict(list)
    for endpoint in Endpoint.objects.listening().filter(account__in={event.account_id for event in public}):
        endpoints[endpoint.account_id].append(endpoint)
    now = timezone.now()
    owed = [
        (mint_public_id(), event.pk, endpoint.pk, DeliveryStatus.PENDING.value, 0, now, now)
        for event in public
        for endpoint in endpoints[event.account_id]
        if endpoint.hears(event.type)
    ]
    insert_values(Delivery, _COLUMNS, owed)


_COLUMNS = ("public_id", "event_id", "endpoint_id", "status", "failures", "next_attempt_at", "created_at")

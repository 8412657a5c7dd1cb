"""What happens to endpoints, in the account's audit trail."""

from __future__ import annotations

from datetime import datetime

from credentials.event_types import EventType
from credentials.events import record
from credentials.models import Event
from webhooks.models import Endpoint


def record_for_endpoint(
    event_type: EventType, endpoint: Endpoint, *, actor: str, now: datetime, **data: object
) -> Event:
    """Writes one event about `endpoint` in the current transaction; `data` must be JSON-ready."""
    # Never the URL: integrators put tokens into it, and the trail outlives them.
    data = {"endpoint_id": endpoint.public_id, **data}
    return record(event_type, account=endpoint.account, actor=actor, now=now, data=data)

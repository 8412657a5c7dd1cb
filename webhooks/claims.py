"""Takes due deliveries from the table, with all that is needed to send them; no transaction outlasts it.

A claim is a lease: it leaves the dispatcher's token and the end of the lease in the row. A dispatcher that
dies leaves rows that are free again by themselves; one that was only slow finds another's token, or none,
and changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from django.utils import timezone

from webhooks import endpoint_secrets, payloads
from webhooks.leases import Lease, lease
from webhooks.look_ups import EventFacts, Target, find_events, find_targets
from webhooks.models import Delivery, DeliveryStatus
from webhooks.signing import SigningKey


# None of these is changed once made; to be frozen would make each four times as dear, ten thousands a second.
@dataclass
class Content:
    """What all messages of an event say; written out when the first of them is sent, not while claiming."""

    event: EventFacts

    @cached_property
    def body(self) -> bytes:
        """The very bytes."""
        return payloads.body(self.event)


@dataclass(slots=True)
class Message:
    """All that an attempt needs, so that it never asks the database."""

    delivery_id: int
    endpoint_id: int
    url: str
    content: Content
    secrets: Sequence[SigningKey] = field(repr=False)
    # Failures of the delivery so far, and whether its endpoint fails at present.
    failures: int
    failing: bool

    @property
    def message_id(self) -> str:
        """The `webhook-id`."""
        return payloads.message_id(self.content.event)

    @property
    def body(self) -> bytes:
        """The bytes to sign and to send."""
        return self.content.body


def claim(*, token: str, limit: int, after: int = 0, prompt: Collection[int] = ()) -> list[Message]:
    """Leases up to `limit` due deliveries to the dispatcher with this token, at most a few per endpoint.

    They come in the order of their endpoints, beginning beyond `after`; `prompt` are the primary keys of
    endpoints that have just shown that they answer promptly.
    """
    now = timezone.now()
    while leased := lease(token=token, limit=limit, now=now, after=after, prompt=prompt):
        targets = find_targets({one.endpoint_id for one in leased})
        unwanted = [one.delivery_id for one in leased if not targets[one.endpoint_id].enabled]
        if unwanted:
            _cancel(unwanted, now=now)
            leased = [one for one in leased if targets[one.endpoint_id].enabled]
        if leased:
            return _messages(leased, targets=targets, now=now)
    return []


def _cancel(unwanted: list[int], *, now: datetime) -> None:
    """Calls off what was written while its endpoint was being disabled or deleted."""
    Delivery.objects.filter(pk__in=unwanted).update(
        status=DeliveryStatus.CANCELLED, finished_at=now, claim_token=None, claimed_until=None, alone=False
    )


def _messages(leased: list[Lease], *, targets: Mapping[int, Target], now: datetime) -> list[Message]:
    events = find_events({one.event_id for one in leased})
    contents = {pk: Content(event) for pk, event in events.items()}
    keys = endpoint_secrets.live_keys(targets.values(), now=now)
    return [
        Message(
            delivery_id=one.delivery_id,
            endpoint_id=one.endpoint_id,
            url=targets[one.endpoint_id].url,
            content=contents[one.event_id],
            secrets=keys[one.endpoint_id],
            failures=one.failures,
            failing=targets[one.endpoint_id].failing,
        )
        for one in leased
    ]

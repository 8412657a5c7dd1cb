"""Delivers what is due: claims in batches, hundreds of requests in flight, results written back as they come.

The database is asked from the calling thread, HTTP is spoken in an event loop beside it; no transaction is
open while a receiver is waited for, and any number of dispatchers may run at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass, field

from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from credentials import tokens
from webhooks.addresses import configured_policy
from webhooks.claims import Message, Sent, claim, finish
from webhooks.outcomes import Outcome
from webhooks.signing import signed_headers
from webhooks.transport import Result, Transport, open_transport

logger = logging.getLogger(__name__)

BATCH = 100
MOST_IN_FLIGHT = 500
# While slow receivers are waited for: how soon newly due deliveries are noticed, in seconds.
LOOK_AGAIN = 0.5


def deliver_due(*, seconds: float = float("inf")) -> Counter[Outcome]:
    """Delivers until nothing is due any more, and counts how the attempts ended.

    After `seconds` it claims nothing further and only waits for what is in flight.
    """
    return async_to_sync(_deliver)(seconds=seconds)


async def _deliver(*, seconds: float) -> Counter[Outcome]:
    async with open_transport(policy=configured_policy()) as transport:
        run = _Run(
            transport=transport, token=tokens.mint_public_id(), claims_until=time.monotonic() + seconds
        )
        while await run.take_up() or run.in_flight:
            await run.bring_in()
        return run.outcomes


@dataclass
class _Run:
    """One dispatcher at work."""

    transport: Transport
    token: str
    claims_until: float
    looks_at: float = 0.0
    in_flight: set[asyncio.Task[Sent]] = field(default_factory=set)
    outcomes: Counter[Outcome] = field(default_factory=Counter)

    async def take_up(self) -> bool:
        """Claims a batch and sends it off, if there is room and it is time to look; whether there was any."""
        room = MOST_IN_FLIGHT - len(self.in_flight)
        now = time.monotonic()
        if not room or not self.looks_at <= now < self.claims_until:
            return False
        messages = await sync_to_async(claim)(token=self.token, limit=min(BATCH, room))
        self.in_flight |= {
            asyncio.create_task(_attempt(message, transport=self.transport)) for message in messages
        }
        self.looks_at = 0.0 if messages else now + LOOK_AGAIN
        return bool(messages)

    async def bring_in(self) -> None:
        """Writes back what has been answered; waits for the first answer or the next look."""
        done, self.in_flight = await asyncio.wait(
            self.in_flight, timeout=self._patience(), return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            return
        sent = [task.result() for task in done]
        await sync_to_async(finish)(sent, token=self.token)
        self.outcomes.update(one.result.outcome for one in sent)
        # Each answer makes room at its endpoint, where more may be due.
        self.looks_at = 0.0

    def _patience(self) -> float | None:
        if len(self.in_flight) >= MOST_IN_FLIGHT or time.monotonic() >= self.claims_until:
            return None
        return max(0.0, self.looks_at - time.monotonic())


async def _attempt(message: Message, *, transport: Transport) -> Sent:
    started_at = timezone.now()
    try:
        result = await _send(message, timestamp=int(started_at.timestamp()), transport=transport)
    except Exception:
        # A fault of ours: without a result the lease would end, and the same fault come again, for ever.
        logger.exception("the attempt for delivery %s failed", message.delivery_id)
        result = Result(outcome=Outcome.BROKEN, duration_ms=0)
    return Sent(message=message, started_at=started_at, result=result)


async def _send(message: Message, *, timestamp: int, transport: Transport) -> Result:
    if not message.secrets:
        return Result(outcome=Outcome.UNSIGNED, duration_ms=0)
    headers = signed_headers(
        message_id=message.message_id, timestamp=timestamp, body=message.body, secrets=message.secrets
    )
    return await transport.post(message.url, headers=headers, body=message.body)

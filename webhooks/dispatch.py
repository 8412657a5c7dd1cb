"""Delivers what is due: claims in batches, hundreds of requests in flight, results written back in batches.

The database is asked from the calling thread, HTTP is spoken in an event loop beside it; no transaction is
open while a receiver is waited for, and any number of dispatchers may run at once.
"""

from __future__ import annotations

import gc
import logging
import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cache, partial

from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from credentials import tokens
from webhooks.addresses import configured_policy
from webhooks.claims import Message, claim
from webhooks.finishing import Sent, finish
from webhooks.in_flight import InFlight
from webhooks.outcomes import Outcome
from webhooks.patience import patiently
from webhooks.signing import signed_headers
from webhooks.transport import Result, Transport, open_transport

logger = logging.getLogger(__name__)

BATCH = 200
# While slow receivers are waited for: how soon newly due deliveries are noticed, in seconds.
LOOK_AGAIN = 0.5
# With hundreds of requests under way, Python's own threshold looks through all of them again and again: that
# took three tenths of a dispatcher's time. What cycles keep meanwhile is some megabytes.
SELDOM_COLLECTED = (50_000, 20, 20)


def deliver_due(
    *, seconds: float = float("inf"), after_claims: Callable[[], None] = lambda: None
) -> Counter[Outcome]:
    """Delivers until nothing is due any more, and counts how the attempts ended.

    After `seconds` it claims nothing further and only waits for what is in flight. `after_claims` is called
    once, as soon as nothing further is claimed, even because of an error.
    """
    _settle_in()
    with ExitStack() as claims:
        claims.callback(after_claims)
        return async_to_sync(_deliver)(until=time.monotonic() + seconds, claims=claims)


@cache
def _settle_in() -> None:
    """Makes the process one for hundreds of requests at a time; once, because runs of it overlap."""
    gc.set_threshold(*SELDOM_COLLECTED)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems refuse as many as they say are allowed; the usual limit will do most of the time.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _deliver(*, until: float, claims: ExitStack) -> Counter[Outcome]:
    async with open_transport(policy=configured_policy()) as transport:
        run = _Run(transport=transport, claims_until=until)
        await run.turn()
        while run.in_flight and time.monotonic() < until:
            await run.turn()
        claims.close()
        while run.in_flight:
            await run.turn()
        return run.outcomes


@dataclass
class _Run:
    """One dispatcher at work."""

    transport: Transport
    claims_until: float
    token: str = field(default_factory=tokens.mint_public_id)
    in_flight: InFlight = field(default_factory=InFlight)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    # When it looks for what is due, and beyond which endpoint it begins.
    looks_at: float = 0.0
    after: int = 0

    async def turn(self) -> None:
        """Waits for answers or the next look, writes the answers back, and sends off what is due."""
        sent = await self.in_flight.answers(within=self._patience()) if self.in_flight else []
        # Each answer makes room at its endpoint, where more may be due.
        looks = bool(sent) or time.monotonic() >= self.looks_at
        limit = min(BATCH, self.in_flight.room()) if looks and time.monotonic() < self.claims_until else 0
        messages = await sync_to_async(self._write_and_claim)(sent, limit=limit)
        for message in messages:
            self.in_flight.send_off(message.endpoint_id, _attempt(message, transport=self.transport))

    def _write_and_claim(self, sent: Sequence[Sent], *, limit: int) -> list[Message]:
        """Both at once, because each change of threads costs time."""
        if sent:
            finish(sent, token=self.token)
            self.outcomes.update(one.result.outcome for one in sent)
        if not limit:
            return []
        prompt = self.in_flight.prompt_endpoints()
        messages = patiently(partial(claim, token=self.token, limit=limit, after=self.after, prompt=prompt))
        self.after = messages[-1].endpoint_id if messages else 0
        self.looks_at = 0.0 if messages else time.monotonic() + LOOK_AGAIN
        return messages

    def _patience(self) -> float | None:
        """Seconds until it looks again; None when there is no room, or no claim any more."""
        now = time.monotonic()
        if now >= self.claims_until or not self.in_flight.room():
            return None
        return max(0.0, self.looks_at - now)


async def _attempt(message: Message, *, transport: Transport) -> Sent:
    started_at = timezone.now()
    try:
        result = await _send(message, timestamp=int(started_at.timestamp()), transport=transport)
    except Exception:
        # A fault of ours: without a result the lease would end, and the same fault come again, for ever.
        logger.exception("the attempt for delivery %s failed", message.delivery_id)
        result = Result(outcome=Outcome.INTERNAL_ERROR, duration_ms=0)
    return Sent(message=message, started_at=started_at, result=result)


async def _send(message: Message, *, timestamp: int, transport: Transport) -> Result:
    if not message.secrets:
        return Result(outcome=Outcome.UNSIGNED, duration_ms=0)
    headers = signed_headers(
        message_id=message.message_id, timestamp=timestamp, body=message.body, secrets=message.secrets
    )
    return await transport.post(message.url, headers=headers, body=message.body)

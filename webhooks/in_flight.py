"""What one dispatcher has on its way, and what that tells of the receivers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile

from webhooks.finishing import Sent
from webhooks.outcomes import Outcome

# Requests that wait for an answer, and how many more when some of them have waited long: receivers that hang
# must not take the places of those that answer. Each needs a file descriptor, of which there often are 1024.
MOST_PROMPT = 500
MOST_SLOW = 400
# Seconds after which a request counts as slow.
SLOW = 1.0
# Of so many endpoints it is remembered that they answer promptly.
MOST_REMEMBERED = 1000
# Seconds for which answers are gathered, so that many are written back at once.
GATHER = 0.01


@dataclass
class InFlight:
    """Attempts under way, the oldest first, and those that have ended since they were last asked for."""

    _under_way: dict[asyncio.Task[Sent], tuple[int, float]] = field(default_factory=dict)
    _ended: list[asyncio.Task[Sent]] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _prompt: dict[int, None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._under_way) + len(self._ended)

    def send_off(self, endpoint_id: int, attempt: Coroutine[None, None, Sent]) -> None:
        """Begins an attempt."""
        task = asyncio.create_task(attempt)
        self._under_way[task] = (endpoint_id, time.monotonic())
        task.add_done_callback(self._end)

    def room(self) -> int:
        """How many more may be sent off now."""
        waiting = len(self)
        return max(0, min(MOST_PROMPT + len(self._slow()), MOST_PROMPT + MOST_SLOW) - waiting)

    def prompt_endpoints(self) -> list[int]:
        """The endpoints that have answered promptly of late and keep nothing waiting."""
        return list(self._prompt.keys() - self._slow())

    async def answers(self, *, within: float | None) -> list[Sent]:
        """What has ended; waits for the first, `within` seconds at most, and a moment for more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._bell.wait()
            await asyncio.sleep(GATHER)
        self._bell.clear()
        ended, self._ended = self._ended, []
        sent = [task.result() for task in ended]
        for one in sent:
            self._remember(one)
        return sent

    def _end(self, task: asyncio.Task[Sent]) -> None:
        del self._under_way[task]
        self._ended.append(task)
        self._bell.set()

    def _slow(self) -> list[int]:
        """The endpoint of each request that has waited long."""
        since = time.monotonic() - SLOW
        return [pk for pk, _ in takewhile(lambda entry: entry[1] < since, self._under_way.values())]

    def _remember(self, sent: Sent) -> None:
        endpoint_id = sent.message.endpoint_id
        self._prompt.pop(endpoint_id, None)
        if sent.result.outcome == Outcome.SUCCEEDED and sent.result.duration_ms < SLOW * 1000:
            self._prompt[endpoint_id] = None
            if len(self._prompt) > MOST_REMEMBERED:
                del self._prompt[next(iter(self._prompt))]

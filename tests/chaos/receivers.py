"""Integrators' receivers: they remember and verify every message, and fall into moods."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

import standardwebhooks

from tests.webhooks.strangers import OK, drips, floods, hangs, read_request, resets, says

_MEGABYTES = 300
_FLOOD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (_MEGABYTES << 20)


class Mood(Enum):
    """How a receiver answers; each with what a spectator is told."""

    WELL = "answers"
    HANGS = "hangs"
    DRIPS = "drips one byte a second"
    FLOODS = f"answers with {_MEGABYTES} MB"
    RESETS = "resets connections"


_ANSWERS = {
    Mood.WELL: says(OK),
    Mood.HANGS: hangs,
    Mood.DRIPS: drips(b"HTTP/1.1 200 OK\r\nContent-Length: 3600\r\n\r\n", drop=b".", every=1.0),
    Mood.FLOODS: floods(_FLOOD, size=_MEGABYTES << 20),
    Mood.RESETS: resets,
}
# After these answers a sender must believe that the message has arrived; after the others it must not.
_ACCEPTING = {Mood.WELL, Mood.FLOODS}


@dataclass
class Message:
    """What came under one `webhook-id`, how often, and when it was accepted first, in Unix time."""

    body: bytes
    arrivals: int = 0
    accepted_at: float | None = None


@dataclass
class Receiver:
    """One endpoint's receiver; `wrong` lists what it must never see."""

    name: str
    port: int = 0
    endpoint_id: str = ""
    secret: str = ""
    mood: Mood = Mood.WELL
    messages: dict[str, Message] = field(default_factory=dict)
    accepted: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers on one connection until it ends."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                message = self._take(*await read_request(reader))
                mood = self.mood
                self._accept(message, mood)
                await _ANSWERS[mood](writer)
        writer.transport.abort()

    def _accept(self, message: Message, mood: Mood) -> None:
        if mood in _ACCEPTING and message.accepted_at is None:
            message.accepted_at = time.time()
            self.accepted += 1

    def _take(self, head: bytes, body: bytes) -> Message:
        headers = _headers(head)
        message_id = headers["webhook-id"]
        try:
            standardwebhooks.Webhook(self.secret).verify(body, headers)
        except standardwebhooks.WebhookVerificationError as error:
            self.wrong.append(f"{message_id} came to receiver {self.name} with a bad signature: {error}")
        message = self.messages.setdefault(message_id, Message(body))
        if message.body != body:
            self.wrong.append(f"{message_id} came to receiver {self.name} with other bytes than before")
        message.arrivals += 1
        return message


@contextmanager
def listening(receivers: list[Receiver]) -> Iterator[None]:
    """Lets the receivers listen, all in one thread, for as long as the block lasts."""
    ready, leave = threading.Event(), threading.Event()

    async def listen() -> None:
        async with contextlib.AsyncExitStack() as servers:
            for receiver in receivers:
                server = await asyncio.start_server(receiver.converse, "127.0.0.1", 0, backlog=512)
                await servers.enter_async_context(server)
                receiver.port = server.sockets[0].getsockname()[1]
            ready.set()
            await asyncio.to_thread(leave.wait)

    thread = threading.Thread(target=asyncio.run, args=(listen(),), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        leave.set()
        thread.join(timeout=5)


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}

"""Raw receivers on loopback for the transport's tests, as rude as their script makes them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Stranger:
    """A listening receiver: what it was sent, over how many connections, and how many of them have ended."""

    port: int = 0
    connections: int = 0
    ended: int = 0
    requests: list[tuple[bytes, bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@asynccontextmanager
async def stranger(
    script: Script, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Stranger]:
    """A receiver that reads each request whole and then answers it by ``script``."""
    heard = Stranger()
    open_connections: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_connections.add(task)
        heard.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                heard.requests.append(await read_request(reader))
                await script(writer)
        writer.transport.abort()
        heard.ended += 1

    server = await asyncio.start_server(converse, host, port, ssl=tls)
    heard.port = server.sockets[0].getsockname()[1]
    async with server:
        yield heard
        for task in open_connections:
            task.cancel()
        await asyncio.gather(*open_connections)


def says(answer: bytes) -> Script:
    """Answers with these bytes and keeps the connection."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return script


def says_and_closes(answer: bytes) -> Script:
    """Answers with these bytes and ends the connection."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    return script


def drips(start: bytes, *, drop: bytes, every: float = 0.02) -> Script:
    """Says ``start``, then one drop every 20 ms, or so many seconds, for ever."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(every)

    return script


def floods(start: bytes, *, size: int) -> Script:
    """Says ``start``, then ``size`` bytes as fast as they are taken."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        for _ in range(size // 65_536):
            writer.write(bytes(65_536))
            await writer.drain()

    return script


async def hangs(writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    await asyncio.sleep(3600)


async def resets(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with a TCP reset."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of the next request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    return head, await reader.readexactly(length)

"""A receiver that costs next to nothing, in a process of its own: it counts, and hangs where told to."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

HANGING = "/hanging"
COUNT = "/count"


@dataclass(frozen=True)
class Sink:
    """Where it listens."""

    port: int

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def count(self) -> int:
        """How many messages it has answered."""
        with urllib.request.urlopen(self.url(COUNT)) as answer:  # noqa: S310 - our own address
            return int(answer.read())


@contextmanager
def listening() -> Iterator[Sink]:
    """A sink for as long as the block lasts."""
    command = [sys.executable, "-m", "tests.benchmarks.webhook_stage.sink"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield Sink(int(process.stdout.readline()))
        finally:
            process.kill()


class _Connection(asyncio.Protocol):
    """Reads one request after the other, just well enough for the clients of these benchmarks."""

    answered = 0

    def __init__(self) -> None:
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end or len(body) < _content_length(head):
            return
        self._read = b""
        path = head.split(b" ", 2)[1].decode()
        if path == COUNT:
            text = str(_Connection.answered)
            self._transport.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
        elif not path.startswith(HANGING):
            _Connection.answered += 1
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


def _content_length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())

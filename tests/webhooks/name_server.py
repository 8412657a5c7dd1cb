"""A name server on loopback (RFC 1035 section 4), which tells the addresses of a name or says nothing."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from ipaddress import ip_address
from typing import Any

import pytest

from webhooks import resolver

# The addresses of a name, none of which means that there is no such name; None to say nothing at all.
Tell = Callable[[str], Sequence[str] | None]

# What is asked for, and the version of the addresses that answer it.
A, AAAA = 1, 28
VERSIONS = {A: 4, AAAA: 6}


@asynccontextmanager
async def name_server(tell: Tell) -> AsyncIterator[list[str]]:
    """All names are looked up here for as long as the block lasts; yields those that were asked for."""
    asked: list[str] = []
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Protocol(tell, asked), local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    with closing(transport), pytest.MonkeyPatch.context() as patch:
        patch.setitem(resolver.OPTIONS, "nameservers", [f"127.0.0.1:{port}"])
        yield asked


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, tell: Tell, asked: list[str]) -> None:
        self._tell, self._asked = tell, asked

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = data[12 : data.index(b"\0", 12) + 5]
        kind = int.from_bytes(question[-4:-2])
        name = _name(question)
        # A look-up asks for addresses of both versions.
        if kind == A:
            self._asked.append(name)
        addresses = self._tell(name)
        if addresses is not None:
            self._transport.sendto(data[:2] + _answer(question, addresses, kind=kind), addr)


def _name(question: bytes) -> str:
    labels = []
    while size := question[0]:
        labels.append(question[1 : size + 1].decode())
        question = question[size + 1 :]
    return ".".join(labels)


def _answer(question: bytes, addresses: Sequence[str], *, kind: int) -> bytes:
    """The message after its id: the records point to the name in the question, and may not be kept."""
    told = [ip_address(address) for address in addresses]
    packed = [address.packed for address in told if address.version == VERSIONS[kind]]
    records = [b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(data)) + data for data in packed]
    flags = 0x8180 if told else 0x8183
    return struct.pack("!5H", flags, 1, len(records), 0, 0) + question + b"".join(records)

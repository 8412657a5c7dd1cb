"""Looks names up as this machine is set up to: in /etc/hosts, then at the name servers of /etc/resolv.conf.

No look-up has a thread of its own, so that names whose servers never answer take nothing away from others.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiodns

# Gives the addresses of a name, or raises OSError.
Lookup = Callable[[str], Awaitable[Sequence[str]]]

# All that a look-up may take; the rest of an attempt's deadline is for the receiver.
LOOKUP_SECONDS = 6.0
# A server that answers quickly is asked again after a quarter of a second, half of one, and so on: by the
# fifth time it has had nearly four seconds to find out.
OPTIONS: dict[str, Any] = {"timeout": 1.0, "tries": 5}


class NoNameServer(OSError):
    """No name server could be asked, for want of a file descriptor or of a network: a fault on this side."""


@asynccontextmanager
async def system_lookup() -> AsyncIterator[Lookup]:
    """Look-ups for as long as the block lasts, in the event loop that it runs in."""
    async with aiodns.DNSResolver(**OPTIONS) as resolver:
        yield functools.partial(_look_up, resolver=resolver)


async def _look_up(host: str, *, resolver: aiodns.DNSResolver) -> Sequence[str]:
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            answer = await resolver.getaddrinfo(host, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise OSError(f"no name server told the address of {host} in time") from None
    except aiodns.error.DNSError as error:
        code, reason = error.args
        kind = NoNameServer if code == aiodns.error.ARES_ECONNREFUSED else OSError
        raise kind(f"{host}: {reason}") from error
    return [node.addr[0].decode() for node in answer.nodes]

"""Opens connections for the transport, only to addresses that the policy allows.

A name is resolved once, every address of the answer is checked, and the connection goes to a checked address:
a name that changes its mind between check and connection gains nothing. TLS still verifies the name.
"""

from __future__ import annotations

import functools
import socket
import ssl
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from webhooks.addresses import Policy, allowed, lies_in
from webhooks.resolver import Lookup
from webhooks.targets import is_localhost

# For so long a connection waits for the next message, and keeps a file descriptor. Servers end it after five
# seconds (Node.js) or more, perhaps just while a message is on its way.
KEPT_SECONDS = 3.0


class RefusedAddress(OSError):
    """An address or port that the policy keeps webhooks from; the cause of what aiohttp raises."""


def checked_connector(
    *, policy: Policy, lookup: Lookup, trust: ssl.SSLContext | None
) -> aiohttp.TCPConnector:
    """A pool of connections to allowed addresses, its size left to the caller's own bound.

    ``trust`` is the TLS context; the system's trust anchors without it.
    """
    return aiohttp.TCPConnector(
        resolver=_CheckedResolver(policy=policy, lookup=lookup),
        socket_factory=functools.partial(_checked_socket, policy=policy),
        ssl=trust or _system_trust(),
        limit=0,
        keepalive_timeout=KEPT_SECONDS,
    )


class _CheckedResolver(AbstractResolver):
    """Resolves a name, and refuses it whole when any of its addresses is refused."""

    def __init__(self, *, policy: Policy, lookup: Lookup) -> None:
        self._policy = policy
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = ["127.0.0.1"] if is_localhost(host) else await self._lookup(host)
        if not addresses:
            raise OSError(f"{host} has no address")
        for address in addresses:
            _check_address(address, port=port, policy=self._policy)
        return [_resolved(address, host=host, port=port) for address in addresses]

    async def close(self) -> None:
        """Nothing is held open."""


def _resolved(address: str, *, host: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST,
    )


def _checked_socket(info: aiohttp.AddrInfoType, *, policy: Policy) -> socket.socket:
    """A socket for the address about to be connected to: literals are never resolved, but all pass here."""
    family, kind, protocol, _, target = info
    _check_address(str(target[0]), port=int(target[1]), policy=policy)
    return socket.socket(family, kind, protocol)


def _check_address(address: str, *, port: int, policy: Policy) -> None:
    if not allowed(address, open_networks=policy.open_networks):
        raise RefusedAddress(f"{address} is refused")
    if port not in policy.open_ports and not lies_in(address, networks=policy.open_networks):
        raise RefusedAddress(f"port {port} of {address} is refused")


@functools.cache
def _system_trust() -> ssl.SSLContext:
    return ssl.create_default_context()

"""One POST by the transport, as its tests send it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.webhooks.strangers import Script, stranger
from webhooks.addresses import Policy, parse_networks
from webhooks.resolver import Lookup
from webhooks.transport import Result, open_transport

CLOSED = Policy()
LOOPBACK = Policy(open_networks=parse_networks(["127.0.0.0/8"]))
BODY = '{"type":"webhook.test","name":"Zoë"}'.encode()
HEADERS = {"webhook-id": "msg_1"}


async def post(
    url: str, *, policy: Policy = LOOPBACK, lookup: Lookup | None = None, deadline: float = 5.0
) -> Result:
    """Posts to `url`."""
    async with open_transport(policy=policy, lookup=lookup, deadline=deadline) as transport:
        return await transport.post(url, headers=HEADERS, body=BODY)


def post_to(script: Script, *, deadline: float = 5.0) -> Result:
    """Posts to a stranger who answers by `script`."""

    async def scene() -> Result:
        async with stranger(script) as receiver:
            return await post(receiver.url, deadline=deadline)

    return asyncio.run(scene())


def names(*addresses: str) -> Lookup:
    """A resolver that knows these addresses under every name."""

    async def lookup(host: str) -> Sequence[str]:
        return addresses

    return lookup

"""Places that must not be reached at all, however they are named, and what TLS asks of the others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest

from tests.webhooks.certificates import Certificates
from tests.webhooks.posting import BODY, CLOSED, HEADERS, LOOPBACK, names, post
from tests.webhooks.strangers import OK, says, says_and_closes, stranger
from webhooks.addresses import Policy, parse_networks
from webhooks.connector import RefusedAddress, checked_connector
from webhooks.outcomes import Outcome
from webhooks.transport import open_transport

TARGETS = json.loads(Path(__file__).with_name("vectors").joinpath("outbound-targets.json").read_text())


@pytest.mark.parametrize("address", TARGETS["refuse_addresses"])
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    result = asyncio.run(post("https://hooks.example/", policy=CLOSED, lookup=names(address)))
    assert (result.outcome, result.status, result.excerpt) == (Outcome.REFUSED_TARGET, None, b"")


@pytest.mark.parametrize("address", TARGETS["refuse_addresses"])
def test_a_literal_that_leads_inside_is_refused(address: str) -> None:
    literal = f"[{address}]" if ":" in address else address
    result = asyncio.run(post(f"https://{literal}/", policy=CLOSED))
    assert result.outcome is Outcome.REFUSED_TARGET


@pytest.mark.parametrize("url", TARGETS["refuse_urls"])
def test_a_disguised_target_is_refused(url: str) -> None:
    assert asyncio.run(post(url, policy=CLOSED)).outcome is Outcome.REFUSED_TARGET


@pytest.mark.parametrize("addresses", TARGETS["refuse_mixed"])
def test_one_refused_address_refuses_the_whole_answer(addresses: list[str]) -> None:
    async def scene() -> None:
        async with stranger(says(OK)) as inside:
            url = f"http://hooks.example:{inside.port}/"
            policy = Policy(open_ports=frozenset({inside.port}))
            result = await post(url, policy=policy, lookup=names(*addresses))
            assert result.outcome is Outcome.REFUSED_TARGET
            assert inside.connections == 0

    asyncio.run(scene())


@pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"])
def test_a_name_that_changes_between_check_and_connection_gains_nothing() -> None:
    asked = []

    async def rebinding(host: str) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    async def scene() -> None:
        policy = Policy(open_networks=parse_networks(["127.0.0.2/32"]))
        async with (
            stranger(says_and_closes(OK), host="127.0.0.2") as receiver,
            stranger(says(OK), host="127.0.0.1", port=receiver.port) as inside,
        ):
            url = f"http://hooks.example:{receiver.port}/"
            result = await post(url, policy=policy, lookup=rebinding)
            assert result.outcome is Outcome.SUCCEEDED
            assert asked == ["hooks.example"]
            result = await post(url, policy=policy, lookup=rebinding)
            assert result.outcome is Outcome.REFUSED_TARGET
            assert (receiver.connections, inside.connections) == (1, 0)

    asyncio.run(scene())


def test_the_connection_itself_is_checked_even_without_a_name() -> None:
    async def scene() -> None:
        async with stranger(says(OK)) as inside:
            connector = checked_connector(policy=CLOSED, lookup=names(), trust=None)
            async with aiohttp.ClientSession(connector=connector) as session:
                with pytest.raises(aiohttp.ClientConnectorError) as refusal:
                    await session.post(inside.url)
            assert isinstance(refusal.value.os_error, RefusedAddress)
            assert inside.connections == 0

    asyncio.run(scene())


def test_localhost_is_this_machine_and_never_looked_up() -> None:
    async def elsewhere(host: str) -> Sequence[str]:
        raise AssertionError(host)

    async def scene() -> None:
        async with stranger(says(OK)) as receiver:
            url = f"http://localhost:{receiver.port}/"
            assert (await post(url, lookup=elsewhere)).outcome is Outcome.SUCCEEDED
            assert (await post(url, policy=CLOSED, lookup=elsewhere)).outcome is Outcome.REFUSED_TARGET

    asyncio.run(scene())


def test_tls_asks_for_the_name_and_verifies_it(certificates: Certificates) -> None:
    async def scene() -> None:
        server, asked = certificates.server_context("hooks.example")
        async with stranger(says(OK), tls=server) as receiver:
            trust = certificates.client_context()
            async with open_transport(policy=LOOPBACK, lookup=names("127.0.0.1"), trust=trust) as transport:
                for name, outcome in {
                    "hooks.example": Outcome.SUCCEEDED,
                    "other.example": Outcome.UNTRUSTED,
                }.items():
                    result = await transport.post(
                        f"https://{name}:{receiver.port}/", headers=HEADERS, body=BODY
                    )
                    assert result.outcome is outcome
                assert asked == ["hooks.example", "other.example"]
                assert len(receiver.requests) == 1

    asyncio.run(scene())


def test_a_certificate_of_nobody_is_untrusted(certificates: Certificates) -> None:
    async def scene() -> None:
        server, _ = certificates.server_context("hooks.example")
        async with stranger(says(OK), tls=server) as receiver:
            result = await post(f"https://hooks.example:{receiver.port}/", lookup=names("127.0.0.1"))
            assert result.outcome is Outcome.UNTRUSTED
            assert receiver.requests == []

    asyncio.run(scene())


def test_a_name_without_addresses_is_unresolved() -> None:
    result = asyncio.run(post("http://hooks.example:9000/", lookup=names()))
    assert result.outcome is Outcome.UNRESOLVED

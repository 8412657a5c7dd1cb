"""Every target of the vectors, at the edge of the real transport: what is looked up, and what is dialled."""

from __future__ import annotations

import asyncio
import json
import socket
from asyncio.selector_events import BaseSelectorEventLoop
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.webhooks.name_server import name_server
from tests.webhooks.posting import post
from webhooks.addresses import Policy, parse_networks
from webhooks.outcomes import Outcome

TARGETS = json.loads(Path(__file__).with_name("vectors").joinpath("outbound-targets.json").read_text())
CLOSED = Policy()
NAMED = "https://hooks.example/in"


@dataclass
class Edge:
    """The machine's name server, which answers as told, and its network, where nobody listens."""

    answers: list[list[str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    dialled: list[str] = field(default_factory=list)

    def post(self, url: str = NAMED, *, policy: Policy = CLOSED) -> Outcome:
        """One attempt by the transport as the dispatcher opens it; each has the next answer, or the last."""
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)] if self.answers else []

        async def scene() -> Outcome:
            async with name_server(lambda name: answer) as asked:
                outcome = (await post(url, policy=policy)).outcome
            self.asked += asked
            return outcome

        return asyncio.run(scene())


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Edge:
    edge = Edge()

    async def dial(loop: object, sock: socket.socket, address: tuple[Any, ...]) -> None:
        edge.dialled.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(BaseSelectorEventLoop, "sock_connect", dial)
    return edge


def _literal(address: str) -> str:
    return f"https://[{address}]/in" if ":" in address else f"https://{address}/in"


@pytest.mark.parametrize("address", TARGETS["refuse_addresses"])
def test_a_refused_address_is_never_dialled(address: str, edge: Edge) -> None:
    edge.answers = [[address]]
    assert edge.post() is Outcome.REFUSED_TARGET
    assert edge.asked == ["hooks.example"]
    assert edge.post(_literal(address)) is Outcome.REFUSED_TARGET
    assert edge.asked == ["hooks.example"]
    assert edge.dialled == []


@pytest.mark.parametrize("address", TARGETS["allow_addresses"])
def test_an_allowed_address_is_dialled_by_name_and_by_literal(address: str, edge: Edge) -> None:
    edge.answers = [[address]]
    assert edge.post() is Outcome.UNREACHABLE
    assert edge.post(_literal(address)) is Outcome.UNREACHABLE
    assert edge.dialled == [address, address]
    assert edge.asked == ["hooks.example"]


@pytest.mark.parametrize("url", TARGETS["refuse_urls"])
def test_a_disguised_target_is_neither_looked_up_nor_dialled(url: str, edge: Edge) -> None:
    edge.answers = [["127.0.0.1"]]
    for spelt in (url, url.replace("http://", "https://")):
        assert edge.post(spelt) is Outcome.REFUSED_TARGET
    assert edge.asked == edge.dialled == []


@pytest.mark.parametrize("addresses", TARGETS["refuse_mixed"])
def test_a_mixed_answer_is_refused_whole(addresses: list[str], edge: Edge) -> None:
    edge.answers = [addresses]
    assert edge.post() is Outcome.REFUSED_TARGET
    assert edge.dialled == []


def test_every_address_of_an_allowed_answer_may_be_dialled(edge: Edge) -> None:
    edge.answers = [TARGETS["allow_addresses"]]
    assert edge.post() is Outcome.UNREACHABLE
    assert sorted(edge.dialled) == sorted(TARGETS["allow_addresses"])


@pytest.mark.parametrize("address", TARGETS["refuse_addresses"])
def test_a_name_that_turns_inward_after_the_check_is_dialled_where_it_was_checked(
    address: str, edge: Edge
) -> None:
    edge.answers = [["8.8.8.8"], [address]]
    assert edge.post() is Outcome.UNREACHABLE
    assert (edge.asked, edge.dialled) == (["hooks.example"], ["8.8.8.8"])
    # At the next attempt it is looked up anew, and refused.
    assert edge.post() is Outcome.REFUSED_TARGET
    assert edge.dialled == ["8.8.8.8"]


def test_an_opened_network_opens_none_of_the_others(edge: Edge) -> None:
    policy = Policy(open_networks=parse_networks(["10.1.0.0/16"]))
    for address in TARGETS["refuse_addresses"]:
        edge.answers, edge.asked = [[address]], []
        opened = address.startswith("10.1.")
        assert edge.post(policy=policy) is (Outcome.UNREACHABLE if opened else Outcome.REFUSED_TARGET)
    assert edge.dialled == ["10.1.2.3"]


def test_a_port_is_allowed_by_the_operator_or_by_the_network(edge: Edge) -> None:
    elsewhere = "https://hooks.example:9000/in"
    opened = Policy(open_networks=parse_networks(["10.1.0.0/16"]))
    edge.answers = [["8.8.8.8"], ["8.8.8.8"], ["10.1.2.3"]]
    assert edge.post(elsewhere) is Outcome.REFUSED_TARGET
    assert edge.asked == []
    # With an opened network the name decides: it may lead there.
    assert edge.post(elsewhere, policy=opened) is Outcome.REFUSED_TARGET
    assert edge.dialled == []
    assert edge.post(elsewhere, policy=Policy(open_ports=frozenset({9000}))) is Outcome.UNREACHABLE
    assert edge.post(elsewhere, policy=opened) is Outcome.UNREACHABLE
    assert edge.dialled == ["8.8.8.8", "10.1.2.3"]

"""How names are looked up: by the machine's own name servers, and no name keeps another waiting."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.webhooks.name_server import name_server
from tests.webhooks.posting import BODY, HEADERS, LOOPBACK, post
from tests.webhooks.strangers import OK, says, stranger
from webhooks import resolver
from webhooks.outcomes import Outcome
from webhooks.resolver import system_lookup
from webhooks.transport import Result, open_transport


def test_hundreds_of_silent_names_keep_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "LOOKUP_SECONDS", 2.0)
    asked: list[str] = []
    under_way = asyncio.Event()

    def tell(name: str) -> Sequence[str] | None:
        if name == "hooks.example":
            return ["127.0.0.1"]
        asked.append(name)
        # Of all that come at once a socket holds some, and the rest are lost; by now there is room again.
        if len(asked) == 200:
            under_way.set()
        return None

    async def scene() -> None:
        async with (
            name_server(tell),
            stranger(says(OK)) as receiver,
            open_transport(policy=LOOPBACK) as transport,
        ):

            def send(name: str) -> asyncio.Task[Result]:
                url = f"http://{name}:{receiver.port}/"
                return asyncio.create_task(transport.post(url, headers=HEADERS, body=BODY))

            silent = [send(f"silent{number}.example") for number in range(500)]
            await under_way.wait()
            known = await send("hooks.example")
            assert (known.outcome, known.duration_ms < 500) == (Outcome.SUCCEEDED, True)
            assert not any(task.done() for task in silent)
            assert {result.outcome for result in await asyncio.gather(*silent)} == {Outcome.UNRESOLVED}

    threads = threading.active_count()
    asyncio.run(scene())
    # One that closes what looks names up, for the whole process.
    assert threading.active_count() <= threads + 1


def test_a_question_that_was_lost_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(resolver.OPTIONS, "timeout", 0.1)
    lost = {"hooks.example": 4}

    def tell(name: str) -> Sequence[str] | None:
        lost[name] -= 1
        return ["127.0.0.1"] if lost[name] < 0 else None

    async def scene() -> None:
        async with name_server(tell), stranger(says(OK)) as receiver:
            result = await post(f"http://hooks.example:{receiver.port}/")
            assert result.outcome is Outcome.SUCCEEDED

    asyncio.run(scene())


def test_an_unknown_name_is_unresolved() -> None:
    async def scene() -> None:
        async with name_server(lambda name: []):
            assert (await post("http://unknown.example:9000/")).outcome is Outcome.UNRESOLVED

    asyncio.run(scene())


def test_without_a_name_server_the_fault_is_on_this_side(caplog: pytest.LogCaptureFixture) -> None:
    result = asyncio.run(post("http://hooks.example:9000/"))
    assert result.outcome is Outcome.INTERNAL_ERROR
    assert "hooks.example: Could not contact DNS servers" in caplog.text


def test_names_of_etc_hosts_are_known() -> None:
    lines = [line.partition("#")[0].split() for line in Path("/etc/hosts").read_text().splitlines()]

    async def scene() -> None:
        async with system_lookup() as lookup:
            for address, *names in filter(None, lines):
                for name in names:
                    assert ip_address(address) in map(ip_address, await lookup(name))

    asyncio.run(scene())


def test_what_looks_names_up_is_closed_with_its_transport() -> None:
    async def scene() -> None:
        async with name_server(lambda name: ["127.0.0.1"]), stranger(says(OK)) as receiver:
            await post(receiver.url)
            opened = len(os.listdir("/dev/fd"))
            for _ in range(20):
                await post(f"http://hooks.example:{receiver.port}/")
            deadline = time.monotonic() + 10
            while len(os.listdir("/dev/fd")) > opened:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)

    asyncio.run(scene())

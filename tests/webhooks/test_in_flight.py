"""How many more may be sent off, and which endpoints are known to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest
from django.utils import timezone

from webhooks import in_flight
from webhooks.claims import Content, Message
from webhooks.finishing import Sent
from webhooks.in_flight import MOST_PROMPT, MOST_SLOW, InFlight
from webhooks.look_ups import EventFacts
from webhooks.outcomes import Outcome
from webhooks.transport import Result


def _message(endpoint_id: int) -> Message:
    return Message(
        delivery_id=1,
        endpoint_id=endpoint_id,
        url="https://example.org/",
        content=Content(
            EventFacts("1", "credential.created", 1, None, "system", "{}", "2026-11-22 09:41:35")
        ),
        secrets=[],
        failures=0,
        failing=False,
    )


async def _answered(endpoint_id: int, outcome: Outcome = Outcome.SUCCEEDED, *, ms: int = 5) -> Sent:
    return Sent(_message(endpoint_id), timezone.now(), Result(outcome=outcome, duration_ms=ms))


async def _hang() -> Sent:
    await asyncio.sleep(60)
    raise AssertionError("nobody waits so long")


async def _bring_in(flight: InFlight, *attempts: tuple[int, Coroutine[None, None, Sent]]) -> list[Sent]:
    for endpoint_id, attempt in attempts:
        flight.send_off(endpoint_id, attempt)
    return await flight.answers(within=5)


def test_endpoints_that_answer_promptly_are_remembered() -> None:
    async def scene() -> list[int]:
        flight = InFlight()
        sent = await _bring_in(
            flight,
            (1, _answered(1)),
            (2, _answered(2, Outcome.FAILED)),
            (3, _answered(3, ms=1500)),
            (4, _answered(4)),
        )
        assert (len(sent), len(flight)) == (4, 0)
        await _bring_in(flight, (4, _answered(4, Outcome.TIMED_OUT)))
        return flight.prompt_endpoints()

    assert asyncio.run(scene()) == [1]


def test_only_so_many_are_remembered_and_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "MOST_REMEMBERED", 2)

    async def scene() -> list[int]:
        flight = InFlight()
        for pk in (1, 2, 1, 3):
            await _bring_in(flight, (pk, _answered(pk)))
        return flight.prompt_endpoints()

    assert sorted(asyncio.run(scene())) == [1, 3]


def test_what_hangs_takes_other_places_than_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        flight = InFlight()
        await _bring_in(flight, (1, _answered(1)))
        for _ in range(MOST_PROMPT):
            flight.send_off(1, _hang())
        assert (flight.room(), flight.prompt_endpoints()) == (0, [1])
        monkeypatch.setattr(in_flight, "SLOW", -1.0)
        assert (flight.room(), flight.prompt_endpoints()) == (MOST_SLOW, [])
        for _ in range(MOST_SLOW):
            flight.send_off(1, _hang())
        assert flight.room() == 0

    asyncio.run(scene())


def test_nothing_that_ended_means_nothing_to_write() -> None:
    async def scene() -> list[Sent]:
        flight = InFlight()
        flight.send_off(1, _hang())
        return await flight.answers(within=0.01)

    assert asyncio.run(scene()) == []

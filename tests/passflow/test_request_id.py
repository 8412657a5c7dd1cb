"""Every answer carries an id, by which it is found again in the logs."""

from __future__ import annotations

import re

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from passflow.request_id import RequestIdMiddleware, current_request_id

MADE = re.compile(r"[0-9a-f]{32}")


@pytest.mark.parametrize("path", ["/livez", "/nowhere", "/passes/nothing", "/api/v3/people", "/admin/login/"])
def test_every_answer_carries_an_id_of_its_own(client: Client, db: None, path: str) -> None:
    first, second = (client.get(path)["X-Request-Id"] for _ in range(2))
    assert MADE.fullmatch(first)
    assert MADE.fullmatch(second)
    assert first != second


@pytest.mark.parametrize("sent", ["a-proxys", "trace.2026-01_A", "x" * 64])
def test_a_tame_id_is_kept(client: Client, sent: str) -> None:
    assert client.get("/livez", headers={"x-request-id": sent})["X-Request-Id"] == sent


@pytest.mark.parametrize(
    "sent", ["", "short", "x" * 65, "with space", "quote'12", "line\nbreak", "ümläute123", '{"a": 1}']
)
def test_another_is_replaced(client: Client, sent: str) -> None:
    answered = client.get("/livez", headers={"x-request-id": sent})["X-Request-Id"]
    assert MADE.fullmatch(answered)


def test_it_is_known_during_the_request_and_forgotten_after_it() -> None:
    seen: list[tuple[str, str]] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append((request.request_id, current_request_id.get()))  # type: ignore[attr-defined]
        return HttpResponse()

    answer = RequestIdMiddleware(view)(RequestFactory().get("/"))
    assert seen == [(answer["X-Request-Id"], answer["X-Request-Id"])]
    assert current_request_id.get() == ""


def test_it_is_forgotten_after_a_failure() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        RequestIdMiddleware(view)(RequestFactory().get("/"))
    assert current_request_id.get() == ""

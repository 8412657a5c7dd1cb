"""One token serves until it expires, and whoever gets none is told why; connections are kept."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
import time_machine

from redemption.google.errors import KeyRefused, OverQuota, Unreachable
from redemption.google.rest import Google
from redemption.models import GoogleIssuer
from tests.fakes.google import FakeGoogle, Fault
from tests.fakes.google_accounts import ServiceAccount
from tests.fakes.google_wire import Answer
from tests.redemption.google.asking import HTML, api_of, error, failure


def test_one_token_serves_until_it_expires(issuer: GoogleIssuer, google: FakeGoogle) -> None:
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False) as clock:
        for _ in range(3):
            api_of(issuer).list_classes()
        assert len(google.asked("token")) == 1
        clock.shift(timedelta(hours=1))
        api_of(issuer).list_classes()
    assert len(google.asked("token")) == 2
    tokens = {request.headers["authorization"] for request in google.asked("rest")}
    assert len(tokens) == 2


def test_nobody_is_asked_but_the_token_endpoint_and_the_api(api: Google, google: FakeGoogle) -> None:
    before = threading.active_count()
    api.list_classes()
    assert threading.active_count() <= before + 2, "google-auth has work of its own"
    assert {request.path for request in google.requests} == {
        "/token",
        "/walletobjects/v1/genericClass",
    }


def test_a_token_that_is_refused_is_replaced_once(api: Google, google: FakeGoogle) -> None:
    api.list_classes()
    google.tokens.granted.clear()
    api.list_classes()
    assert len(google.asked("token")) == 2
    google.always(error(401, "Invalid Credentials", reason="authError"), "rest")
    refused = failure(api)
    assert isinstance(refused, KeyRefused)
    assert refused.status == HTTPStatus.UNAUTHORIZED
    assert len(google.asked("token")) == 3


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The sockets that are connected from now on."""
    connect = socket.socket.connect
    sockets: list[socket.socket] = []

    def noted(self: socket.socket, address: tuple[str, int]) -> None:
        sockets.append(self)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", noted)
    return sockets


def test_connections_are_kept(issuer: GoogleIssuer, google: FakeGoogle, opened: list[socket.socket]) -> None:
    for _ in range(3):
        api_of(issuer).list_classes()
    (connection,) = opened
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ("Invalid JWT Signature.", "no longer takes key"),
        ("Invalid grant: account not found", "Import a new one"),
        ("Invalid JWT: Token must be a short-lived token (60 minutes)", "Set its clock"),
    ],
)
def test_a_key_that_signs_nobody_in_is_told_apart(
    described: str, words: str, api: Google, google: FakeGoogle, service_account: ServiceAccount
) -> None:
    google.always(Answer(400, {"error": "invalid_grant", "error_description": described}), "token")
    refused = failure(api)
    assert isinstance(refused, KeyRefused)
    assert words in refused.sentence
    assert described in refused.said
    assert google.asked("rest") == []


def test_a_deleted_key_signs_nobody_in(api: Google, google: FakeGoogle) -> None:
    google.accounts.clear()
    assert isinstance(failure(api), KeyRefused)


def test_a_key_without_rights_is_refused(api: Google, google: FakeGoogle) -> None:
    google.always(Answer(401, {"error": "unauthorized_client"}), "token")
    refused = failure(api)
    assert isinstance(refused, KeyRefused)
    assert "unauthorized_client" in refused.sentence


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {"error": "internal_failure"}),
        Answer(503, HTML),
        Answer(200, HTML),
        Answer(200, {}),
        Answer(200, {"access_token": "a", "expires_in": "soon"}),
        Answer(200, {"access_token": "a", "expires_in": 10**12}),
        Answer(200, {"access_token": "a"}),
        Answer(200, {"access_token": 7, "expires_in": 3600}),
        Answer(200, [1]),
        Answer(302, HTML, {"Location": "/walletobjects/v1/genericClass"}),
        Fault.DROP,
    ],
)
def test_a_token_endpoint_in_trouble_is_asked_once(
    answer: Answer | Fault, api: Google, google: FakeGoogle
) -> None:
    google.always(answer, "token")
    assert isinstance(failure(api), Unreachable)
    assert [request.path for request in google.requests] == ["/token"]


def test_a_token_endpoint_may_want_to_be_left_alone(api: Google, google: FakeGoogle) -> None:
    google.always(Answer(429, HTML, {"Retry-After": "7"}), "token")
    refused = failure(api)
    assert isinstance(refused, OverQuota)
    assert refused.retry_after == timedelta(seconds=7)

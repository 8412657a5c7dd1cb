"""Trying to log in is limited, by address and by the name that is tried, whatever the client sends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

LOGIN = "/admin/login/?next=/admin/"
PASSWORD = "correct horse battery staple"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ELSEWHERE = "198.51.100.7"


@pytest.fixture(autouse=True)
def clock(limited: None, settings: Settings, db: None) -> Iterator[time_machine.Traveller]:
    """It is NOW, so that no window ends while a test counts; there are Ada and Grace."""
    rates = {"logins": "5/m", "logins_of_user_at_address": "3/m", "logins_of_user": "7/m"}
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, **rates}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    for name in ("ada", "grace"):
        User.objects.create_superuser(name, password=PASSWORD)
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def tries(name: str, *passwords: str, address: str = "127.0.0.1", **headers: str) -> list[Any]:
    """Each by a client without cookies."""
    return [
        Client().post(
            LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address, headers=headers or None
        )
        for password in passwords
    ]


def statuses(answers: list[Any]) -> list[int]:
    return [answer.status_code for answer in answers]


def test_who_knows_the_password_gets_in() -> None:
    assert statuses(tries("ada", PASSWORD)) == [302]


def test_an_address_tries_a_name_so_often_and_shuts_nobody_else_out() -> None:
    assert statuses([*tries("ada", "1"), *tries("Ada", "2"), *tries("ADA", "3")]) == [200, 200, 200]
    [answer] = tries("ada", PASSWORD)
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert answer["RateLimit-Policy"] == '"logins_of_user_at_address";q=3;w=60'
    assert "There were too many tries to log in. Try again in 1 min." in answer.content.decode()
    assert not answer.cookies.get("sessionid")
    # However long it goes on.
    assert statuses(tries("ada", *"456789")) == [429] * 6
    assert statuses(tries("ada", PASSWORD, address=ELSEWHERE)) == [302]


def test_a_name_is_tried_so_often_from_wherever() -> None:
    addresses = ("203.0.113.1", "203.0.113.2", "2001:db8::1")
    wrong = [answer for address in addresses for answer in tries("ada", "1", "2", address=address)]
    assert statuses(wrong) == [200] * 6
    assert statuses(tries("ada", PASSWORD, address=ELSEWHERE)) == [302]
    [answer] = tries("ada", PASSWORD, address=ELSEWHERE)
    assert (answer.status_code, answer["RateLimit-Policy"]) == (429, '"logins_of_user";q=7;w=60')
    assert statuses(tries("grace", PASSWORD)) == [302]


def test_an_address_tries_so_often_whatever_names_it_takes() -> None:
    assert statuses([*tries("a", "1"), *tries("b", "1"), *tries("c", "1", "2", "3")]) == [200] * 5
    [answer] = tries("ada", PASSWORD)
    assert (answer.status_code, answer["RateLimit-Policy"]) == (429, '"logins";q=5;w=60')
    assert statuses(tries("ada", PASSWORD, address=ELSEWHERE)) == [302]


def test_a_client_cannot_begin_anew() -> None:
    tries("ada", "1", "2", "3")
    answers = [
        *tries("ada", PASSWORD, **{"x-forwarded-for": "203.0.113.77"}),
        *tries("ada", PASSWORD, **{"user-agent": "another", "cookie": "sessionid=x"}),
        *tries(" ada ", PASSWORD),
    ]
    assert statuses(answers) == [429, 429, 429]


def test_the_time_is_over_when_it_was_said_to_be(clock: time_machine.Traveller) -> None:
    [*_, answer] = tries("ada", "1", "2", "3", PASSWORD)
    clock.shift(timedelta(seconds=int(answer["Retry-After"]) + 1))
    assert statuses(tries("ada", PASSWORD)) == [302]


def test_the_form_can_be_looked_at_all_the_while() -> None:
    tries("ada", "1", "2", "3", "4")
    assert Client().get(LOGIN).status_code == 200


def test_what_is_stopped_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    tries("ada", "1", "2", "3", PASSWORD)
    assert [
        record.getMessage() for record in caplog.records if record.name == "credentials.admin.logins"
    ] == ["logins: too many tries from 127.0.0.1 (logins_of_user_at_address)"]

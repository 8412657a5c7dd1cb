"""What is suspected waits in the cache, where nobody can make it grow, until a task has written it down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.core.cache import caches
from django.core.cache.backends import locmem
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from credentials import suspicion as credential_suspicion
from credentials import tokens
from credentials.models import Account, Credential
from redemption import suspicion
from redemption.models import GuessingAddress
from redemption.tasks import report_suspicions
from tests.redemption import standings
from tests.redemption.test_suspicion import look, rules, thresholds

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(limited: None) -> Iterator[None]:
    """It is NOW, and nothing waits to be reported."""
    lists: Any = caches["default"]
    lists.pop_all(suspicion.QUEUE)
    with time_machine.travel(NOW, tick=False):
        yield


def test_what_cannot_be_written_down_loses_nothing(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    thresholds(acme, opened_from_many_networks=[1, 86400])
    for path in [standings.ready(acme) for _ in range(3)]:
        look(path, "203.0.113.9", "198.51.100.7")
    unlucky = Credential.objects.order_by("pk")[1]
    write = credential_suspicion.report

    def fail(credential: Credential, **told: Any) -> bool:
        if credential == unlucky:
            raise OperationalError("the database went away")
        return write(credential, **told)

    with monkeypatch.context() as failing:
        failing.setattr(credential_suspicion, "report", fail)
        assert rules(acme) == ["opened_from_many_networks"] * 2
    assert not unlucky.events.filter(type="security.suspicious_activity").exists()
    assert rules(acme) == ["opened_from_many_networks"] * 3
    assert rules(acme) == ["opened_from_many_networks"] * 3


def test_accounts_are_gone_through_once_for_all_who_guess(acme: Account, settings: Settings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "failed_lookups": "1/m"}
    look("/passes/x", *[f"203.0.{n}.9" for n in range(4)])
    with CaptureQueriesContext(connection) as queries:
        report_suspicions()
    assert sum('FROM "credentials_account"' in query["sql"] for query in queries) == 1
    assert GuessingAddress.objects.count() == 4


def test_a_url_that_nobody_issued_leaves_nothing_to_count(acme: Account, settings: Settings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "failed_lookups": "5/m"}
    place = {"BACKEND": "passflow.cache.MemoryCache", "LOCATION": "to look into for openings"}
    settings.CACHES = {"default": {**settings.CACHES["default"], **place}}
    assert [look(f"/passes/{tokens.mint_url_token()}", "203.0.113.9")[0] for _ in range(5)] == [404] * 5
    # Five URLs and their address, of which the failures are a third, and that it guesses a fourth.
    held = locmem._caches["to look into for openings"]  # type: ignore[attr-defined]
    assert len(held) == 5 + 3
    assert [look(f"/passes/{tokens.mint_url_token()}", "203.0.113.9")[0] for _ in range(5)] == [429] * 5
    assert len(held) == 5 + 3


def test_what_no_version_understands_is_dropped(acme: Account) -> None:
    lists: Any = caches["default"]
    thresholds(acme, opened_from_many_networks=[1, 86400])
    lists.push(suspicion.QUEUE, '["of another version", "1"]', "no JSON", most=10)
    look(standings.ready(acme), "203.0.113.9", "198.51.100.7")
    assert rules(acme) == ["opened_from_many_networks"]
    assert lists.pop_all(suspicion.QUEUE) == []

"""What is suspicious is counted while pages are only looked at, and reported by a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import caches
from django.test import Client
from pytest_django import Settings

from credentials import lifecycle, tokens
from credentials.models import Account, Credential, Event, WalletPass
from redemption import suspicion
from redemption.models import AppleIdentity, GuessingAddress
from redemption.tasks import report_suspicions
from tests import factories
from tests.redemption import standings
from tests.redemption.apple.claimed import claim, register

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"

Execute = Callable[..., AbstractContextManager[Any]]


@pytest.fixture(autouse=True)
def clock(limited: None) -> Iterator[time_machine.Traveller]:
    """It is NOW, and nothing waits to be reported."""
    lists: Any = caches["default"]
    lists.pop_all(suspicion.QUEUE)
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def rules(account: Account) -> list[str]:
    """The rules that were heard, after the task has run."""
    report_suspicions()
    events = account.events.filter(type="security.suspicious_activity").order_by("pk")
    return [event.data["suspicion"]["rule"] for event in events]


def thresholds(account: Account, **pairs: list[int]) -> None:
    Account.objects.filter(pk=account.pk).update(suspicion_thresholds=pairs)


def look(path: str, *addresses: str, agent: str = SAFARI) -> list[int]:
    client, headers = Client(), {"user-agent": agent}
    return [client.get(path, REMOTE_ADDR=each, headers=headers).status_code for each in addresses]


# --- One URL, opened from many networks --------------------------------------------------------------


def test_a_url_that_is_opened_from_many_networks_is_reported_once(acme: Account, globex: Account) -> None:
    path, other = standings.ready(acme), standings.ready(globex)
    look(path, *[f"203.0.{n}.9" for n in range(10)])
    look(other, *[f"203.0.{n}.9" for n in range(10)])
    assert rules(acme) == []
    look(path, "198.51.100.7", "198.51.100.8")
    assert rules(acme) == ["opened_from_many_networks"]
    look(path, *[f"10.{n}.0.1" for n in range(10)])
    assert rules(acme) == ["opened_from_many_networks"]
    assert rules(globex) == []


def test_addresses_of_one_network_are_one(acme: Account) -> None:
    path = standings.ready(acme)
    look(path, *[f"203.0.113.{n}" for n in range(30)], *[f"2001:db8:1:{n}::1" for n in range(30)])
    assert rules(acme) == []


def test_looking_writes_nothing_even_when_a_rule_is_broken(acme: Account) -> None:
    thresholds(acme, opened_from_many_networks=[1, 3600])
    path = standings.ready(acme)
    before = standings.every_row()
    assert look(path, *[f"203.0.{n}.9" for n in range(5)]) == [200] * 5
    assert standings.every_row() == before
    assert rules(acme) == ["opened_from_many_networks"]


def test_an_account_may_have_a_time_of_its_own(acme: Account, clock: time_machine.Traveller) -> None:
    thresholds(acme, opened_from_many_networks=[2, 60])
    path = standings.ready(acme)
    for n in range(6):
        look(path, f"203.0.{n}.9")
        clock.shift(timedelta(seconds=60))
    assert rules(acme) == []
    look(path, "10.1.0.1", "10.2.0.1", "10.3.0.1")
    assert rules(acme) == ["opened_from_many_networks"]


def test_a_url_that_has_ended_may_be_passed_around(acme: Account) -> None:
    thresholds(acme, opened_from_many_networks=[1, 86400])
    for path in (standings.replaced(acme), standings.revoked(acme), standings.expired(acme)):
        look(path, *[f"203.0.{n}.9" for n in range(5)])
    assert rules(acme) == []


def test_the_queue_holds_neither_token_nor_address(acme: Account) -> None:
    thresholds(acme, opened_from_many_networks=[1, 86400])
    path = standings.ready(acme)
    look(path, "203.0.113.9", "198.51.100.7")
    lists: Any = caches["default"]
    [entry] = lists.pop_all(suspicion.QUEUE)
    assert entry == f'["opened_from_many_networks", "{Credential.objects.get().pk}"]'


def test_an_account_can_have_it_suspended(acme: Account, clock: time_machine.Traveller) -> None:
    thresholds(acme, opened_from_many_networks=[1, 3600])
    Account.objects.filter(pk=acme.pk).update(suspend_on_suspicion=True)
    path = standings.ready(acme)
    look(path, "203.0.113.9", "198.51.100.7")
    report_suspicions()
    page = Client().get(path)
    assert page["Pass-State"] == "suspended"
    last = Event.objects.order_by("pk").last()
    assert last is not None
    assert (last.type, last.actor) == ("credential.suspended", "suspicion")


def test_what_goes_on_is_reported_again_when_its_time_is_over(
    acme: Account, clock: time_machine.Traveller
) -> None:
    thresholds(acme, opened_from_many_networks=[1, 60])
    path = standings.ready(acme)
    for _ in range(2):
        look(path, "203.0.113.9", "198.51.100.7")
        report_suspicions()
        clock.shift(timedelta(seconds=125))
    assert rules(acme) == ["opened_from_many_networks"] * 2


# --- What it costs -----------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions to the cache, each of which is a round trip to Redis."""
    questions: list[str] = []
    cache: Any = caches["default"]

    def noted(name: str, question: Callable[..., Any]) -> Callable[..., Any]:
        def ask(*args: Any, **kwargs: Any) -> Any:
            questions.append(name)
            return question(*args, **kwargs)

        return ask

    for name in ("count_all", "push", "pop_all"):
        monkeypatch.setattr(cache, name, noted(name, getattr(cache, name)))
    return questions


def test_a_look_asks_the_cache_once_and_never_more_than_twice(acme: Account, asked: list[str]) -> None:
    def asks(path: str, address: str = "203.0.113.9") -> int:
        asked.clear()
        look(path, address)
        return len(asked)

    path = standings.ready(acme)
    assert [asks(path), asks(path), asks(path, "10.1.0.1")] == [2, 1, 1]
    thresholds(acme, opened_from_many_networks=[1, 3600])
    assert [asks(path), asks(path)] == [2, 2]
    # Beyond the threshold: it is handed over once, and neither asked nor said again for a while.
    assert asks(path, "10.1.0.1") == 2 + 2
    assert [asks(path), asks(path, "10.2.0.1"), asks(path, "10.3.0.1")] == [2, 2, 2]
    thresholds(acme, opened_from_many_networks=[1, 86400])
    assert [asks(path), asks(path, "10.4.0.1")] == [1, 1]


def test_neither_does_a_claim_of_what_is_in_use_nor_a_wrong_url(
    acme: Account, asked: list[str], settings: Settings
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "failed_lookups": "2/m"}
    thresholds(acme, claims_while_in_use=[1, 3600])
    path, costs = f"{standings.in_use(acme)}/apple", []
    for url, status in [(path, 409)] * 4 + [("/passes/x/apple", 404)] * 2 + [("/passes/x/apple", 429)] * 2:
        asked.clear()
        assert Client().post(url).status_code == status
        costs.append(len(asked))
    # The second claim and the second wrong URL are too many, and handed over.
    assert costs == [2, 2 + 2, 2, 2, 2, 2 + 2, 1, 1]


# --- The other rules ---------------------------------------------------------------------------------


def test_many_claims_while_a_pass_is_in_use_are_reported(acme: Account, acme_identity: AppleIdentity) -> None:
    thresholds(acme, claims_while_in_use=[3, 3600])
    path = standings.in_use(acme)
    assert [Client().post(f"{path}/apple").status_code for _ in range(3)] == [409] * 3
    assert rules(acme) == []
    assert Client().post(f"{path}/google").status_code == 409
    assert rules(acme) == ["claims_while_in_use"]


def test_claims_of_what_is_suspended_are_no_such(acme: Account, acme_identity: AppleIdentity) -> None:
    thresholds(acme, claims_while_in_use=[1, 3600])
    path = standings.suspended(acme)
    assert [Client().post(f"{path}/apple").status_code for _ in range(3)] == [409] * 3
    assert rules(acme) == []


def test_a_pass_that_is_added_and_removed_rapidly_is_reported(
    acme: Account, django_capture_on_commit_callbacks: Execute
) -> None:
    thresholds(acme, rapid_add_remove=[2, 3600])
    credential = factories.credential(acme)
    for expected in ([], [], ["rapid_add_remove"]):
        standings.install(credential)
        held = WalletPass.objects.held().get(state="installed")
        with django_capture_on_commit_callbacks(execute=True):
            lifecycle.remove_from_wallet(held, devices=0, actor="apple")
        assert rules(acme) == expected


def test_wrong_tokens_for_a_pass_are_reported(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    thresholds(acme, wrong_authentication_tokens=[2, 3600])
    claimed, other = claim(acme), claim(acme)
    wrong = [{"authorization": f"ApplePass {text}"} for text in ("x", other.text, "z")]
    assert [client.get(claimed.path, headers=each).status_code for each in wrong[:2]] == [401, 401]
    assert rules(acme) == []
    body = {"pushToken": "ab" * 32}
    answer = client.post(claimed.registration(), body, content_type="application/json", headers=wrong[2])
    assert answer.status_code == 401
    assert rules(acme) == ["wrong_authentication_tokens"]
    assert Event.objects.filter(type="security.suspicious_activity").get().credential == claimed.credential


def test_more_devices_than_one_person_has_are_reported(
    client: Client, acme: Account, acme_identity: AppleIdentity, clock: time_machine.Traveller
) -> None:
    thresholds(acme, too_many_devices=[2, 3600])
    claimed = claim(acme)
    for device in ("phone", "watch", "phone"):
        register(client, claimed, device=device)
    assert rules(acme) == []
    # Slowly as well.
    clock.shift(timedelta(days=40))
    register(client, claimed, device="phone")
    assert rules(acme) == []
    register(client, claimed, device="another")
    assert rules(acme) == ["too_many_devices"]
    clock.shift(timedelta(minutes=30))
    register(client, claimed, device="one more")
    assert rules(acme) == ["too_many_devices"]


def test_devices_that_come_and_go_are_as_many_as_are_there(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    thresholds(acme, too_many_devices=[2, 3600])
    claimed = claim(acme)
    register(client, claimed, device="phone")
    for n in range(4):
        register(client, claimed, device=f"device-{n}")
        client.delete(claimed.registration(f"device-{n}"), headers=claimed.authorization)
    assert rules(acme) == []


# --- Guessing ----------------------------------------------------------------------------------------


def test_whoever_guesses_is_seen_by_every_account_once_an_hour(
    acme: Account, globex: Account, settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "failed_lookups": "3/m"}
    guesses = [f"/passes/{tokens.mint_url_token()}" for _ in range(5)]
    assert [look(each, "203.0.113.9")[0] for each in guesses] == [404, 404, 404, 429, 429]
    assert rules(acme) == rules(globex) == ["guessing"]
    [seen] = GuessingAddress.objects.all()
    assert (seen.address, seen.times, seen.first_seen_at) == ("203.0.113.9", 1, NOW)
    clock.shift(timedelta(minutes=3))
    for each in guesses:
        look(each, "203.0.113.9")
    assert rules(acme) == ["guessing"]
    seen.refresh_from_db()
    assert (seen.times, seen.last_seen_at) == (2, NOW + timedelta(minutes=3))
    clock.shift(timedelta(hours=1))
    for each in guesses:
        look(each, "203.0.113.9")
    assert rules(acme) == ["guessing", "guessing"]


def test_the_event_of_a_guess_names_its_limit_and_nobody(acme: Account, settings: Settings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "failed_lookups": "1/m"}
    look("/passes/x", "203.0.113.9")
    report_suspicions()
    event = acme.events.get()
    assert event.data == {"suspicion": {"rule": "guessing", "uses": 1, "seconds": 60}}
    assert (event.credential, event.sequence, event.actor) == (None, None, "suspicion")


def test_who_tries_authentication_tokens_is_stopped_and_seen(
    client: Client, acme: Account, acme_identity: AppleIdentity, settings: Settings
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "apple_failures": "2/m"}
    claimed = claim(acme)
    path = "/apple/v1/passes/pass.com.example.acme/"
    tried = [
        client.get(f"{path}{n}", headers={"authorization": f"ApplePass {tokens.mint_url_token()}"})
        for n in range(4)
    ]
    assert [answer.status_code for answer in tried] == [401, 401, 429, 429]
    assert 1 <= int(tried[-1]["Retry-After"]) <= 60
    assert rules(acme) == ["guessing"]
    # Phones behind the same address go on.
    assert client.get(claimed.path, headers=claimed.authorization).status_code == 200


def test_a_thousand_guesses_are_stopped_from_one_address_and_from_one_network(
    client: Client, acme: Account
) -> None:
    def guess_from(address: str) -> int:
        return client.get(f"/passes/{tokens.mint_url_token()}", REMOTE_ADDR=address).status_code

    one = [guess_from("203.0.113.9") for _ in range(1_000)]
    network = [guess_from(f"2001:db8:7:7::{n:x}") for n in range(1_000)]
    for answers in (one, network):
        assert answers == [404] * 60 + [429] * 940
    assert rules(acme) == ["guessing"]
    assert {seen.address for seen in GuessingAddress.objects.all()} == {"203.0.113.9", "2001:db8:7:7::/64"}


def test_without_limits_nothing_is_suspected(acme: Account, settings: Settings) -> None:
    settings.RATE_LIMITS_ON = False
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "failed_lookups": "0/m"}
    thresholds(acme, opened_from_many_networks=[1, 3600])
    look(standings.ready(acme), *[f"203.0.{n}.9" for n in range(5)])
    look("/passes/x", "203.0.113.9")
    assert rules(acme) == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("2001:db8:1:ffff::/64", "2001:db8:1::/48"),
        ("unknown", "unknown"),
    ],
)
def test_a_site_is_a_network_of_addresses(address: str, expected: str) -> None:
    assert suspicion._network(address) == expected

"""Too often is too often: by address, by URL, and for whoever guesses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache.backends import locmem
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from credentials import tokens
from credentials.models import Account, WalletPass
from passflow.client_ip import ClientIpMiddleware
from redemption.models import AppleIdentity
from redemption.throttling import throttled
from tests.redemption import standings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ELSEWHERE = "198.51.100.7"

Queries = Callable[[int], AbstractContextManager[object]]
Rates = Callable[..., None]


@pytest.fixture(autouse=True)
def stopped_clock(limited: None) -> Iterator[time_machine.Traveller]:
    """It is NOW, so that no window ends while a test counts."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def rates(settings: Settings) -> Rates:
    """Other rates for some groups."""

    def change(**rates: str) -> None:
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, **rates}

    return change


def statuses(client: Client, *paths: str, address: str = "127.0.0.1") -> list[int]:
    return [client.get(path, REMOTE_ADDR=address).status_code for path in paths]


def test_a_url_is_looked_at_so_often(client: Client, acme: Account, rates: Rates) -> None:
    rates(page_views_of_url="2/m")
    path, other = standings.ready(acme), standings.ready(acme)
    shouted = f"/passes/{path.rpartition('/')[2].upper()}"
    assert statuses(client, path, shouted, path, other) == [200, 200, 429, 200]
    assert statuses(client, path, address=ELSEWHERE) == [429]


def test_an_address_looks_so_often(client: Client, acme: Account, rates: Rates) -> None:
    rates(page_views="2/m")
    paths = [standings.ready(acme) for _ in range(3)]
    assert statuses(client, *paths) == [200, 200, 429]
    assert statuses(client, paths[2], address=ELSEWHERE) == [200]


def test_open_pages_poll_apart_from_what_is_looked_at(client: Client, acme: Account, rates: Rates) -> None:
    rates(page_views="1/m", page_polls="3/m", page_polls_of_url="2/m")
    path, other = standings.ready(acme), standings.ready(acme)
    polls = [client.head(each).status_code for each in (path, path, path, other)]
    assert polls == [200, 200, 429, 429]
    assert statuses(client, path, other) == [200, 429]
    answer = client.head(other)
    assert answer["RateLimit-Policy"] == '"page_polls";q=3;w=60'
    assert int(answer["Retry-After"]) >= 1


def test_thirty_phones_behind_one_address_shut_nobody_out(client: Client, acme: Account) -> None:
    paths = [standings.ready(acme) for _ in range(30)]
    assert {client.head(path).status_code for path in paths * 20} == {200}
    assert statuses(client, standings.ready(acme)) == [200]


def test_a_head_of_anything_else_counts_like_a_get(
    client: Client, acme: Account, acme_identity: AppleIdentity, rates: Rates
) -> None:
    rates(page_views="1/m")
    path = standings.ready(acme)
    file = client.post(f"{path}/apple")["Location"]
    assert [client.head(each).status_code for each in (file, file, f"{path}/qr.svg")] == [200, 429, 429]


def test_polls_of_wrong_urls_are_guesses(client: Client, acme: Account, rates: Rates) -> None:
    rates(failed_lookups="2/m")
    path = standings.ready(acme)
    guesses = [f"/passes/{tokens.mint_url_token()}" for _ in range(3)]
    assert [client.head(each).status_code for each in (*guesses, path)] == [404, 404, 429, 429]


def test_the_page_says_when_to_come_back(
    client: Client, acme: Account, rates: Rates, stopped_clock: time_machine.Traveller
) -> None:
    rates(page_views="1/10m")
    path = standings.ready(acme)
    client.get(path)
    answer = client.get(path)
    assert answer.status_code == 429
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert "<h1>One moment, please</h1>" in answer.content.decode()
    seconds = int(answer["Retry-After"])
    assert 1 <= seconds <= 600
    assert answer["RateLimit"] == f'"page_views";r=0;t={seconds}'
    assert answer["RateLimit-Policy"] == '"page_views";q=1;w=600'
    stopped_clock.shift(timedelta(seconds=seconds + 1))
    assert client.get(path).status_code == 200


def test_an_address_claims_so_often(
    client: Client, acme: Account, acme_identity: AppleIdentity, rates: Rates
) -> None:
    rates(claims="1/m")
    first, second = standings.ready(acme), standings.ready(acme)
    assert client.post(f"{first}/apple").status_code == 303
    assert client.post(f"{second}/google").status_code == 429
    assert client.post(f"{second}/apple").status_code == 429
    assert WalletPass.objects.count() == 1
    assert client.get(second).status_code == 200


def test_a_url_is_claimed_so_often(
    client: Client, acme: Account, acme_identity: AppleIdentity, rates: Rates
) -> None:
    rates(claims_of_url="1/m")
    first, second = standings.ready(acme), standings.ready(acme)
    assert client.post(f"{first}/apple").status_code == 303
    assert client.post(f"{first}/apple", REMOTE_ADDR=ELSEWHERE).status_code == 429
    assert client.post(f"{second}/apple").status_code == 303


def test_whoever_guesses_gets_no_answer_at_all(
    client: Client, acme: Account, rates: Rates, django_assert_num_queries: Queries
) -> None:
    rates(failed_lookups="3/m")
    path = standings.ready(acme)
    guesses = [f"/passes/{tokens.mint_url_token()}", "/passes/x", f"/passes/{tokens.mint_url_token()}/a/b"]
    assert statuses(client, path, *guesses) == [200, 404, 404, 404]
    with django_assert_num_queries(0):
        assert statuses(client, f"/passes/{tokens.mint_url_token()}", "/passes/x", path) == [429, 429, 429]
        assert client.post(f"{path}/apple").status_code == 429
    assert statuses(client, path, address=ELSEWHERE) == [200]


def test_right_urls_are_no_guesses(client: Client, acme: Account, rates: Rates) -> None:
    rates(failed_lookups="1/m")
    path = standings.ready(acme)
    assert statuses(client, *[path] * 4) == [200] * 4


def test_an_address_cannot_be_made_up(client: Client, acme: Account, rates: Rates) -> None:
    rates(page_views="1/m")
    path = standings.ready(acme)
    answers = [client.get(path, headers={"x-forwarded-for": f"203.0.113.{n}"}) for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 429, 429]


def test_a_trusted_proxy_tells_addresses_apart(
    client: Client, acme: Account, rates: Rates, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = 1
    rates(page_views="1/m")
    path = standings.ready(acme)
    sent = ["203.0.113.1", "203.0.113.2", "made-up, 203.0.113.1", "::ffff:203.0.113.2"]
    answers = [client.get(path, headers={"x-forwarded-for": forwarded}) for forwarded in sent]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]


def test_a_network_of_ipv6_is_one_address(client: Client, acme: Account, rates: Rates) -> None:
    rates(page_views="1/m")
    path = standings.ready(acme)
    addresses = ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"]
    assert [statuses(client, path, address=each) for each in addresses] == [[200], [429], [200]]


def test_no_secret_reaches_the_cache(client: Client, acme: Account, settings: Settings) -> None:
    backend = "passflow.cache.MemoryCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "to look into"}}
    path = standings.ready(acme)
    client.get(path)
    client.post(f"{path}/apple")
    held = locmem._caches["to look into"]  # type: ignore[attr-defined]
    assert len(held) == 4
    assert not [key for key in held if path.rpartition("/")[2] in key]


def test_switched_off_limits_count_nothing(
    client: Client, acme: Account, rates: Rates, settings: Settings
) -> None:
    settings.RATE_LIMITS_ON = False
    rates(page_views="0/m", page_views_of_url="0/m", failed_lookups="0/m")
    assert statuses(client, standings.ready(acme), "/passes/x") == [200, 404]


@throttled("apple_logs")
def by_address(request: HttpRequest) -> HttpResponse:
    return HttpResponse("done")


@throttled("apple_updates", by="device")
def by_device(request: HttpRequest, device: str) -> HttpResponse:
    return HttpResponse(device)


def request_from(address: str) -> HttpRequest:
    """A request as the middleware leaves it."""
    request = RequestFactory(REMOTE_ADDR=address).get("/")
    ClientIpMiddleware(lambda _: HttpResponse())(request)
    return request


def test_a_view_is_throttled_by_address(rates: Rates) -> None:
    rates(apple_logs="1/m")
    assert by_address(request_from(ELSEWHERE)).content == b"done"
    refused = by_address(request_from(ELSEWHERE))
    assert refused.status_code == 429
    assert refused.content == b""
    assert int(refused["Retry-After"]) >= 1
    assert by_address(request_from("203.0.113.1")).status_code == 200


def test_a_view_is_throttled_by_a_part_of_its_path(rates: Rates) -> None:
    rates(apple_updates_of_device="1/m")
    asked = [by_device(request_from(ELSEWHERE), device=name).status_code for name in ("one", "one", "two")]
    assert asked == [200, 429, 200]


def test_a_caller_who_makes_up_that_part_is_held_by_the_address(rates: Rates) -> None:
    rates(apple_updates="2/m")
    asked = [by_device(request_from(ELSEWHERE), device=f"made-up-{n}").status_code for n in range(4)]
    assert asked == [200, 200, 429, 429]
    assert by_device(request_from("203.0.113.1"), device="made-up-0").status_code == 200


@pytest.mark.parametrize("method", ["get", "put"])
@pytest.mark.parametrize("rest", ["/", "//0123456789abcdefghjkmnpqrs", "/x/y"])
def test_whatever_lies_below_is_limited_alike(
    client: Client, limited: None, settings: Settings, db: None, method: str, rest: str
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "page_views": "1/m"}
    answers = [getattr(client, method)(f"/passes{rest}") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [404, 429]
    assert answers[1]["Retry-After"]


def test_a_method_that_a_page_has_not_is_limited_too(
    client: Client, limited: None, settings: Settings, acme: Account
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "page_views": "1/m"}
    path = standings.ready(acme)
    assert [client.put(path).status_code for _ in range(2)] == [405, 429]

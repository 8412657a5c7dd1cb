"""Who is calling: an address that the caller cannot choose, and that names one customer."""

from __future__ import annotations

import pytest
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from passflow.client_ip import ClientIpMiddleware, client_ip


def request(peer: str, forwarded: str | None = None) -> HttpRequest:
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    return RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer)


@pytest.mark.parametrize(
    "forwarded", [None, "", "203.0.113.9", "203.0.113.9, 198.51.100.7", "127.0.0.1", "x"]
)
def test_without_a_proxy_it_is_the_peer_whatever_it_claims(forwarded: str | None) -> None:
    assert client_ip(request("192.0.2.1", forwarded)) == "192.0.2.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.7, 203.0.113.9", "203.0.113.9"),  # the left one is the caller's own
        (1, " 198.51.100.7 ,, 203.0.113.9 ", "203.0.113.9"),
        (2, "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "198.51.100.7, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "127.0.0.1, 198.51.100.7, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        # What granian makes of a line of the caller's that holds bytes which are no text.
        (1, ",203.0.113.9", "203.0.113.9"),
        (2, ",203.0.113.9,10.0.0.2", "203.0.113.9"),
        # Somebody inside came past the proxies, or they are told to hide whom they have seen.
        (2, None, "unknown"),
        (1, None, "unknown"),
        (1, "unknown", "unknown"),
    ],
)
def test_behind_proxies_it_is_what_the_outermost_of_ours_has_seen(
    settings: Settings, proxies: int, forwarded: str | None, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert client_ip(request("10.0.0.1", forwarded)) == expected


@pytest.mark.parametrize(
    ("proxies", "forwarded"),
    [(1, ""), (1, " "), (1, "x,"), (2, ""), (2, "203.0.113.9"), (2, ",10.0.0.2"), (2, "x,,10.0.0.2")],
)
def test_whoever_hides_it_from_us_is_nobody_and_not_our_proxy(
    settings: Settings, client: Client, db: None, proxies: int, forwarded: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    with pytest.raises(BadRequest):
        client_ip(request("10.0.0.1", forwarded))
    for path in ("/passes/x", "/api/v3/people", "/admin/login/"):
        assert client.get(path, headers={"x-forwarded-for": forwarded}).status_code == 400
    assert client.get("/livez").status_code == 200


def test_a_caller_cannot_get_another_address_by_sending_more_of_them(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 1
    seen = {client_ip(request("10.0.0.1", f"198.51.100.{n}, 203.0.113.9")) for n in range(50)}
    assert seen == {"203.0.113.9"}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "192.0.2.1"),
        ("64:ff9b::c000:201", "192.0.2.1"),
        ("64:ff9b:1::c000:201", "64:ff9b:1::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:FFFF::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        # As some proxies write it.
        ("192.0.2.1:5678", "192.0.2.1"),
        ("[::1]:80", "::/64"),
        ("[2001:db8:1:2::7]", "2001:db8:1:2::/64"),
        ("[::ffff:192.0.2.1]:443", "192.0.2.1"),
    ],
)
def test_an_address_is_counted_as_what_one_customer_has(address: str, expected: str) -> None:
    assert client_ip(request(address)) == expected


@pytest.mark.parametrize(
    "address",
    [
        *("", "unix:", "localhost", "192.0.2.256", "' OR 1=1", "\0", "unknown", "_hidden"),
        *("192.0.2.1:", "192.0.2.1:123456", "192.0.2.1:80:80", "192.0.2.1:http", ":80", "192.0.2.1 :80"),
        *("[]", "[]:80", "[::1", "::1]", "[::1]x", "[::1]:", "[[::1]]", "[localhost]:80", "1.2.3:80"),
    ],
)
def test_what_is_no_address_is_unknown(address: str) -> None:
    assert client_ip(request(address)) == "unknown"


def test_a_port_makes_no_other_caller(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 1
    sent = ["203.0.113.9", *(f"203.0.113.9:{port}" for port in range(1024, 1074)), "[::ffff:203.0.113.9]:1"]
    assert {client_ip(request("10.0.0.1", f"198.51.100.7, {each}")) for each in sent} == {"203.0.113.9"}


def test_every_request_carries_it() -> None:
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.client_ip)  # type: ignore[attr-defined]
        return HttpResponse()

    ClientIpMiddleware(view)(request("192.0.2.1"))
    assert seen == ["192.0.2.1"]

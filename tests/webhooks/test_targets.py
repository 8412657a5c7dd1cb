"""Which URLs an endpoint may have, and the reason each other one is refused for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from webhooks.addresses import Policy, parse_networks
from webhooks.targets import RefusedURL, check_url

TARGETS = json.loads(Path(__file__).with_name("vectors").joinpath("outbound-targets.json").read_text())
CLOSED = Policy()
LOOPBACK_OPEN = Policy(open_networks=parse_networks(["127.0.0.0/8"]))


def _literal(address: str) -> str:
    return f"https://[{address}]/hook" if ":" in address else f"https://{address}/hook"


@pytest.mark.parametrize("url", TARGETS["refuse_urls"])
def test_a_disguised_target_is_refused(url: str) -> None:
    with pytest.raises(RefusedURL):
        check_url(url, policy=CLOSED)


@pytest.mark.parametrize("address", TARGETS["refuse_addresses"])
def test_a_literal_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(RefusedURL) as refusal:
        check_url(_literal(address), policy=CLOSED)
    assert refusal.value.reason == "address"


@pytest.mark.parametrize("address", TARGETS["allow_addresses"])
def test_a_public_literal_is_taken(address: str) -> None:
    assert check_url(_literal(address), policy=CLOSED) == _literal(address)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "scheme"),
        ("hooks.example/x", "scheme"),
        ("//hooks.example/x", "scheme"),
        ("ftp://hooks.example/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        (" https://hooks.example/", "scheme"),
        ("https:hooks.example", "scheme"),
        ("https://user@hooks.example/", "userinfo"),
        ("https://user:word@hooks.example/", "userinfo"),
        ("https://8.8.8.8\\@127.0.0.1/", "userinfo"),
        ("https://hooks.example/#top", "fragment"),
        ("https://hooks.example/#", "fragment"),
        ("https:///hook", "host"),
        ("https://:443/hook", "host"),
        ("https://hooks..example/", "host"),
        ("https://hooks.example../", "host"),
        ("https://-hooks.example/", "host"),
        ("https://hooks%2eexample/", "host"),
        ("https://hooks\\example/", "host"),
        ("https://hooks\texample/", "host"),
        ("https://hooks.example\n/", "host"),
        ("https://" + "a" * 64 + ".example/", "host"),
        ("https://" + "a." * 127 + "example/", "host"),
        ("https://127.0.0.1./", "host"),
        ("https://127.0.0/", "host"),
        ("https://0x7f.1/", "host"),
        ("https://1.2.3.0x4/", "host"),
        ("https://127\u30020\u30020\u30021/", "address"),
        ("https://\uff11\uff12\uff17.0.0.1/", "host"),
        ("https://ex\u00adample.org/", "host"),
        ("https://[127.0.0.1]/", "host"),
        ("https://[v1.fe80::a]/", "host"),
        ("https://[fe80::1%25eth0]/", "address"),
        ("https://[2606:4700:4700::1111%25eth0]/", "address"),
        ("https://[::1/", "port"),
        ("https://LOCALHOST/", "localhost"),
        ("https://api.localhost/", "localhost"),
        ("https://localhost.localdomain/", "localhost"),
        ("https://ip6-localhost/", "localhost"),
        ("https://hooks.example:0/", "port"),
        ("https://hooks.example:25/", "port"),
        ("https://hooks.example:9000/", "port"),
        ("https://8.8.8.8:9000/", "port"),
        ("http://hooks.example/", "port"),
        ("https://hooks.example:65536/", "port"),
        ("https://hooks.example:/", "port"),
        ("https://hooks.example:+443/", "port"),
        ("https://hooks.example:\uff14\uff14\uff13/", "port"),
        ("https://hooks.example/a b", "characters"),
        ("https://hooks.example/\u00e9", "characters"),
        ("https://hooks.example/\r\nHost: x", "characters"),
        ("https://hooks.example/%zz", "characters"),
        ("https://hooks.example/?q=\x00", "characters"),
        ("https://hooks.example/" + "a" * 2048, "length"),
        ("https://b\u00fccher.example/".ljust(2048, "a"), "length"),
    ],
)
def test_a_refusal_names_its_reason(url: str, reason: str) -> None:
    with pytest.raises(RefusedURL) as refusal:
        check_url(url, policy=CLOSED)
    assert refusal.value.reason == reason
    assert str(refusal.value).startswith("must ")


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example/in?token=a%2Fb&x=[1]",
        "https://hooks.example:8443/",
        "https://hooks.example.",
        "https://hooks.example",
        "https://under_score.example/%7Euser//x/../y",
        "https://xn--bcher-kva.example/",
        "https://hooks.example/" + "a" * (2048 - len("https://hooks.example/")),
    ],
)
def test_a_plain_url_is_kept_letter_by_letter(url: str) -> None:
    assert check_url(url, policy=CLOSED) == url


def test_scheme_and_host_are_written_in_their_wire_form() -> None:
    assert check_url("HTTPS://B\u00fccher.Example/In", policy=CLOSED) == "https://xn--bcher-kva.example/In"


def test_an_opened_loopback_may_be_named() -> None:
    for url in ("http://127.0.0.1:9000/hook", "http://localhost:9000/hook"):
        assert check_url(url, policy=LOOPBACK_OPEN) == url


def test_a_port_that_the_operator_allows_is_taken() -> None:
    policy = Policy(open_ports=frozenset({443, 80, 9000}))
    for url in ("https://hooks.example:9000/", "http://hooks.example/", "https://8.8.8.8:9000/"):
        assert check_url(url, policy=policy) == url
    with pytest.raises(RefusedURL):
        check_url("https://hooks.example:8443/", policy=policy)


def test_an_opened_network_opens_no_port_of_a_public_address() -> None:
    for url in ("https://8.8.8.8:9000/", "https://[2606:4700:4700::1111]:9000/"):
        with pytest.raises(RefusedURL) as refusal:
            check_url(url, policy=LOOPBACK_OPEN)
        assert refusal.value.reason == "port"


def test_an_opened_network_has_web_servers_only() -> None:
    for url in ("http://127.0.0.1:25/", "http://localhost:0/", "http://hooks.example:65536/"):
        with pytest.raises(RefusedURL) as refusal:
            check_url(url, policy=LOOPBACK_OPEN)
        assert refusal.value.reason == "port"


def test_an_opened_network_does_not_open_odd_spellings() -> None:
    for url in ("http://127.1/", "http://2130706433/", "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/"):
        with pytest.raises(RefusedURL):
            check_url(url, policy=LOOPBACK_OPEN)


def test_plain_http_can_be_ruled_out() -> None:
    with pytest.raises(RefusedURL) as refusal:
        check_url("http://hooks.example/", policy=Policy(https_only=True))
    assert refusal.value.reason == "scheme"
    assert check_url("https://hooks.example/", policy=Policy(https_only=True))

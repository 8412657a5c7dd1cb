"""Looking is free, and whoever looks in the wrong place learns nothing."""

from __future__ import annotations

import pytest
from django.test import Client

from credentials import tokens
from credentials.models import Account
from redemption.models import AppleIdentity
from tests import factories
from tests.redemption import standings
from tests.redemption.standings import STANDINGS

TOKEN = "0123456789abcdefghjkmnpqrs"

MALFORMED = [
    "/passes",
    "/passes/",
    "/passes/x",
    f"/passes/{TOKEN[:-1]}",
    f"/passes/{TOKEN}0",
    f"/passes/{TOKEN}/",
    f"/passes//{TOKEN}",
    f"/passes/{TOKEN}/nothing",
    f"/passes/{TOKEN}/apple/",
    f"/passes/{TOKEN}/apple/x",
    f"/passes/{TOKEN}/apple/../../../../etc/passwd",
    f"/passes/{TOKEN[:-1]}u",
    f"/passes/{TOKEN}%0A",
    f"/passes/{TOKEN}%00",
    "/passes/%00",
    "/passes/%F0%9F%8E%AB",
    "/passes/%FF%FE",
    "/passes/%ED%A0%80",
    "/passes/%2F%2F",
    "/passes/<script>alert(1)</script>",
    "/passes/' OR 1=1 --",
    "/passes/{{ 7 }}",
    "/passes/" + "a" * 10_000,
    "/passes/" + "/" * 10_000,
]

LOOKERS = [
    {"sec-purpose": "prefetch;prerender"},
    {"user-agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
    {"user-agent": "facebookexternalhit/1.1 Facebot Twitterbot/1.0"},
]


@pytest.mark.parametrize("path", MALFORMED, ids=lambda path: path[:50])
@pytest.mark.parametrize("method", ["get", "head"])
def test_a_malformed_url_is_answered_as_an_unknown_one(
    client: Client, acme: Account, path: str, method: str
) -> None:
    unknown = getattr(client, method)(f"/passes/{tokens.mint_url_token()}")
    malformed = getattr(client, method)(path)
    assert malformed.status_code == unknown.status_code == 404
    assert malformed.content == unknown.content
    assert {*malformed.items()} ^ {*unknown.items()} == {
        ("X-Request-Id", malformed["X-Request-Id"]),
        ("X-Request-Id", unknown["X-Request-Id"]),
    }


def test_every_wrong_token_has_the_same_answer(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    credential, url = factories.credential_and_url(acme)
    installation = tokens.first_authentication_token(factories.url_token(url), serial_number="1")
    foreign = [tokens.mint_api_key(), tokens.mint_serial_number(), credential.public_id, installation, TOKEN]
    for step in ("", "/apple", "/google", "/qr.svg", "/apple/x.pkpass"):
        method = client.post if step in ("/apple", "/google") else client.get
        wrong = [method(f"/passes/{token}{step}") for token in (*foreign, "x", TOKEN[:-1], "%00")]
        bodies = {answer.content for answer in wrong}
        headers = {tuple(item for item in answer.items() if item[0] != "X-Request-Id") for answer in wrong}
        assert {answer.status_code for answer in wrong} == {404}
        assert (len(bodies), len(headers)) == (1, 1)


def test_an_unknown_url_takes_no_form(client: Client, acme: Account) -> None:
    unknown = client.get(f"/passes/{tokens.mint_url_token()}")
    answer = Client(enforce_csrf_checks=True).post(f"/passes/{TOKEN}/nothing")
    assert answer.status_code == 404
    assert answer.content == unknown.content


def test_the_page_for_unknown_urls_repeats_nothing_of_them(client: Client, acme: Account) -> None:
    page = client.get(f"/passes/{TOKEN}").content.decode()
    assert TOKEN not in page
    assert "data-state" not in page


@pytest.mark.parametrize("path", ["/nothing/here", "/admin-of/nothing", "/favicon.ico"])
def test_the_rest_of_the_site_has_the_same_page(client: Client, acme: Account, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.content == client.get(f"/passes/{TOKEN}").content


@pytest.mark.parametrize("standing", STANDINGS)
def test_looking_changes_nothing(
    client: Client, acme: Account, acme_identity: AppleIdentity, standing: str
) -> None:
    path = STANDINGS[standing][0](acme)
    before = standings.every_row()
    for headers in LOOKERS:
        for step in ("", "/apple", "/google", "/apple/x.pkpass"):
            client.head(f"{path}{step}", headers=headers)
            client.get(f"{path}{step}", headers=headers)
    assert standings.every_row() == before


def test_crawlers_are_asked_to_stay_away(client: Client) -> None:
    answer = client.get("/robots.txt")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain"
    assert answer.content == b"User-agent: *\nDisallow: /passes/\n"


@pytest.mark.parametrize("method", ["post", "delete"])
def test_crawlers_cannot_write(client: Client, method: str) -> None:
    assert getattr(client, method)("/robots.txt").status_code == 405

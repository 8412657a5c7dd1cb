"""What every answer below /passes/ carries, whoever gave it; and that nothing leads out of the house."""

from __future__ import annotations

import gzip
import hashlib
import re
from base64 import b64encode
from collections.abc import Callable
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from pytest_django import Settings

from credentials.models import Account, Branding
from redemption.models import AppleIdentity
from tests.redemption import standings

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

HEADERS = {
    "Cache-Control": "no-store, private",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}

UNKNOWN = "/passes/0123456789abcdefghjkmnpqrs"


def file_of(client: Client, account: Account) -> str:
    return str(client.post(f"{standings.ready(account)}/apple")["Location"])


def too_many(client: Client, account: Account, settings: Settings) -> Answer:
    settings.RATE_LIMITS_ON = True
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "page_views": "0/m"}
    return client.get(standings.ready(account))


def broken(client: Client, account: Account) -> Answer:
    path = file_of(client, account)
    AppleIdentity.objects.update(private_key=b"not what we stored")
    client.raise_request_exception = False
    return client.get(path)


ANSWERS: dict[int, Callable[[Client, Account], Answer]] = {
    200: lambda client, acme: client.get(standings.ready(acme)),
    303: lambda client, acme: client.post(f"{standings.ready(acme)}/apple"),
    400: lambda client, acme: client.get(standings.ready(acme), headers={"host": "evil.example"}),
    404: lambda client, acme: client.get(UNKNOWN),
    405: lambda client, acme: client.put(standings.ready(acme)),
    409: lambda client, acme: client.post(f"{standings.in_use(acme)}/apple"),
    410: lambda client, acme: client.get(standings.revoked(acme)),
    500: broken,
    503: lambda client, acme: client.post(f"{standings.ready(acme)}/google"),
}


def directives(answer: Answer) -> dict[str, list[str]]:
    """The content security policy of an answer."""
    return {
        words[0]: words[1:]
        for part in answer["Content-Security-Policy"].split(";")
        if (words := part.split())
    }


def assert_private(answer: Answer) -> None:
    assert {name: answer[name] for name in HEADERS} == HEADERS
    policy = directives(answer)
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    for own in ("script-src", "img-src", "connect-src"):
        assert policy[own] == ["'self'"]
    assert all(allowed.startswith("'sha256-") for allowed in policy["style-src"])
    assert policy["form-action"] == ["'self'", "https://*.google.com"]
    assert set(policy) == {
        "default-src",
        "style-src",
        "script-src",
        "connect-src",
        "img-src",
        "form-action",
        "base-uri",
        "frame-ancestors",
    }
    assert not answer.cookies


@pytest.mark.parametrize("status", ANSWERS)
def test_every_answer_is_private(
    client: Client, acme: Account, acme_identity: AppleIdentity, status: int
) -> None:
    answer = ANSWERS[status](client, acme)
    assert answer.status_code == status
    assert_private(answer)


def test_the_answer_to_too_many_is_private(
    client: Client, acme: Account, limited: None, settings: Settings
) -> None:
    answer = too_many(client, acme, settings)
    assert answer.status_code == 429
    assert_private(answer)


@pytest.mark.parametrize("path", ["/passes", "/passes/", f"{UNKNOWN}/", f"{UNKNOWN}/apple", f"{UNKNOWN}/x/y"])
def test_every_path_below_is_private(client: Client, acme: Account, path: str) -> None:
    assert_private(client.get(path))


def test_a_file_is_private(client: Client, acme: Account, acme_identity: AppleIdentity) -> None:
    assert_private(client.get(file_of(client, acme)))
    assert_private(client.head(file_of(client, acme)))


def test_a_signed_in_admin_gets_no_cookie_here(admin_client: Client, acme: Account) -> None:
    assert_private(admin_client.get(standings.ready(acme)))


def test_a_form_may_lead_to_where_cards_are_saved(client: Client, acme: Account, settings: Settings) -> None:
    settings.GOOGLE_SAVE_URL = "http://127.0.0.1:9/gp/v/save/"
    policy = directives(client.get(standings.ready(acme)))
    assert policy["form-action"] == ["'self'", "http://127.0.0.1:9"]


@pytest.mark.parametrize("path", ["/livez", "/passesport", "/robots.txt"])
def test_other_paths_keep_their_own_headers(client: Client, acme: Account, path: str) -> None:
    assert "X-Robots-Tag" not in client.get(path)


def test_an_error_page_tells_nothing(client: Client, acme: Account, acme_identity: AppleIdentity) -> None:
    answer = broken(client, acme)
    page = answer.content.decode()
    assert "<h1>Something went wrong</h1>" in page
    for detail in ("Traceback", "Invalid", "/passes/", "Acme"):
        assert detail not in page


class Links(HTMLParser):
    """Where a page leads, and what it holds that a policy would have to let through."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # A script of the house, by its address, is what the policy lets through.
        if not (tag == "script" and dict(attrs).get("src")):
            self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name in {"href", "src", "srcset", "action", "data", "poster", "xlink:href"}:
                self.addresses.append(value or "")


@pytest.mark.parametrize("status", [200, 404, 405, 409, 410, 500, 503])
def test_a_page_loads_nothing_from_elsewhere(
    client: Client, acme: Account, acme_identity: AppleIdentity, status: int
) -> None:
    links = Links()
    links.feed(ANSWERS[status](client, acme).content.decode())
    assert all(re.match(r"/(static|passes)/", address) for address in links.addresses)
    assert not links.tags & {"script", "iframe", "object", "embed", "base", "font"}
    assert not {name for name in links.attributes if name == "style" or name.startswith("on")}


@pytest.mark.parametrize("status", [200, 404, 405, 409, 410, 500, 503])
@pytest.mark.parametrize("accent", ["", "#b3261e"])
def test_one_answer_brings_the_page_and_its_style(
    client: Client, acme: Account, acme_identity: AppleIdentity, status: int, accent: str
) -> None:
    Branding.objects.create(account=acme, accent_color=accent)
    answer = ANSWERS[status](client, acme)
    page = answer.content.decode()
    held = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(held) == (2 if accent and "<body data-state" in page else 1)
    # What its policy does not name by digest, a browser leaves out.
    named = {f"'sha256-{b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" for style in held}
    assert set(directives(answer)["style-src"]) == named
    assert "stylesheet" not in page
    # As much as a server may send before it hears of the client again (RFC 6928), less the headers.
    assert len(gzip.compress(answer.content)) <= 10 * 1460 - 2_000


@pytest.mark.parametrize("file", ["page.js", "favicon.svg"])
def test_what_a_page_loads_is_there_and_small(client: Client, db: None, file: str) -> None:
    answer = client.get(f"/static/{file}")
    content = answer.getvalue()
    assert answer.status_code == 200
    assert len(content) <= 10_000
    assert b"url(" not in content
    assert b"@import" not in content

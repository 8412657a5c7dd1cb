"""From the page into a wallet: the button, the file behind it, and what is said when there is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from credentials import lifecycle, tokens
from credentials.models import Account, Credential, WalletPass
from redemption.models import AppleIdentity
from tests import factories
from tests.redemption import standings
from tests.redemption.standings import STANDINGS

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
OFFER_LIFETIME = timedelta(minutes=10)

Reader = Callable[[bytes], dict[str, Any]]
Queries = Callable[[int], AbstractContextManager[object]]


def claimed(client: Client, account: Account, **design: object) -> str:
    """The path of the file that a fresh claim leads to."""
    kind = factories.credential_type(account, slug="gym-card", **design)
    _, url = factories.credential_and_url(account, credential_type=kind)
    return str(client.post(f"{standings.path_of(url)}/apple")["Location"])


def state_of(page: bytes) -> str:
    found = re.search(r'<body data-state="(\w+)">', page.decode())
    return found[1] if found else ""


def test_the_button_leads_to_a_pass(
    client: Client, acme: Account, acme_identity: AppleIdentity, read: Reader
) -> None:
    path = standings.ready(acme)
    form = re.search(r'<form method="post" action="([^"]+)">', client.get(path).content.decode())
    assert form is not None
    # No cookie and no token of a form: the URL is the whole authority.
    answer = Client(enforce_csrf_checks=True).post(form[1], headers={"origin": "null"})
    assert answer.status_code == 303
    offer = WalletPass.objects.get()
    assert answer["Location"] == f"{path}/apple/{offer.serial_number}.pkpass"
    assert read(client.get(answer["Location"]).content)["serialNumber"] == offer.serial_number


def test_the_file_is_served_as_wallets_want_it(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    path = claimed(client, acme)
    answer = client.get(path, headers={"accept-encoding": "gzip, br"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/vnd.apple.pkpass"
    assert answer["Content-Length"] == str(len(answer.content))
    assert answer["Content-Disposition"] == 'inline; filename="gym-card.pkpass"'
    assert "Content-Encoding" not in answer
    head = client.head(path)
    assert head.status_code == 200
    assert head.content == b""
    assert head["Content-Length"] == answer["Content-Length"]
    assert head["Content-Type"] == answer["Content-Type"]


def test_the_file_can_be_fetched_again(
    client: Client,
    acme: Account,
    acme_identity: AppleIdentity,
    read: Reader,
    django_assert_max_num_queries: Queries,
) -> None:
    path = claimed(client, acme)
    client.get(path)
    before = standings.every_row()
    with django_assert_max_num_queries(4):
        again = client.get(path)
    # A file tells its device how to speak for it: each copy must say the same.
    assert read(again.content) == read(client.get(path).content)
    assert standings.every_row() == before


def test_claiming_twice_leads_to_one_file(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    path = standings.ready(acme)
    first, second = client.post(f"{path}/apple"), client.post(f"{path}/apple")
    assert first["Location"] == second["Location"]
    assert WalletPass.objects.count() == 1


def test_a_file_ends_with_its_offer(client: Client, acme: Account, acme_identity: AppleIdentity) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        path = claimed(client, acme)
        clock.move_to(NOW + OFFER_LIFETIME - timedelta(microseconds=1))
        assert client.get(path).status_code == 200
        clock.move_to(NOW + OFFER_LIFETIME)
        for answer in (client.get(path), client.head(path)):
            assert answer.status_code == 410
            assert answer["Content-Type"] == "text/html; charset=utf-8"
        page = client.get(path).content
        assert state_of(page) == "ready"
        assert 'role="alert"' in page.decode()


def test_a_file_ends_when_its_url_does(client: Client, acme: Account, acme_identity: AppleIdentity) -> None:
    path = claimed(client, acme)
    lifecycle.revoke(Credential.objects.get(), actor="test")
    answer = client.get(path)
    assert answer.status_code == 410
    assert state_of(answer.content) == "revoked"


def test_a_file_ends_when_its_pass_is_in_a_wallet(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    path = claimed(client, acme)
    standings.install(Credential.objects.get())
    answer = client.get(path)
    assert answer.status_code == 410
    assert state_of(answer.content) == "in_use"


def test_a_file_belongs_to_its_url(
    client: Client, acme: Account, globex: Account, acme_identity: AppleIdentity
) -> None:
    unknown = client.get(f"/passes/{tokens.mint_url_token()}")
    file = claimed(client, acme).rpartition("/")[2]
    for path in (
        f"{standings.ready(acme)}/apple/{file}",
        f"{standings.ready(globex)}/apple/{file}",
        f"/passes/{tokens.mint_url_token()}/apple/{file}",
        f"{standings.ready(acme)}/apple/{tokens.mint_serial_number()}.pkpass",
    ):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.content == unknown.content


@pytest.mark.parametrize("wallet", ["apple", "google"])
@pytest.mark.parametrize(
    ("standing", "status"),
    [("in_use", 409), ("suspended", 409), ("revoked", 410), ("expired", 410), ("replaced", 410)],
)
def test_only_a_ready_url_can_be_claimed(
    client: Client, acme: Account, acme_identity: AppleIdentity, wallet: str, standing: str, status: int
) -> None:
    path = STANDINGS[standing][0](acme)
    before = standings.every_row()
    answer = client.post(f"{path}/{wallet}")
    assert answer.status_code == status
    assert state_of(answer.content) == standing
    assert standings.every_row() == before


@pytest.mark.parametrize("wallet", ["apple", "google"])
def test_an_unknown_url_cannot_be_claimed(client: Client, acme: Account, wallet: str) -> None:
    unknown = client.get(f"/passes/{tokens.mint_url_token()}")
    answer = client.post(f"/passes/{tokens.mint_url_token()}/{wallet}")
    assert answer.status_code == 404
    assert answer.content == unknown.content


def test_without_a_certificate_nothing_is_promised(client: Client, acme: Account) -> None:
    path = standings.ready(acme)
    before = standings.every_row()
    answer = client.post(f"{path}/apple")
    assert answer.status_code == 503
    assert state_of(answer.content) == "ready"
    assert 'role="alert"' in answer.content.decode()
    assert standings.every_row() == before


def test_google_cannot_be_reached(client: Client, acme: Account) -> None:
    factories.google_issuer(acme)
    path = standings.ready(acme)
    before = standings.every_row()
    answer = client.post(f"{path}/google")
    assert answer.status_code == 503
    assert state_of(answer.content) == "ready"
    assert f'action="{path}/google"' in answer.content.decode()
    after = standings.every_row()
    # But for the turn that was taken to ask Google.
    for rows in (before, after):
        rows["redemption.GoogleIssuer"][0].pop("next_request_at")
    assert after == before


@pytest.mark.parametrize("wallet", ["apple", "google"])
@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_only_a_post_claims(
    client: Client, acme: Account, acme_identity: AppleIdentity, wallet: str, method: str
) -> None:
    path = standings.ready(acme)
    before = standings.every_row()
    answer = getattr(client, method)(f"{path}/{wallet}")
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    if method != "head":
        assert f'<a href="{path}">' in answer.content.decode()
    assert standings.every_row() == before


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_file_can_only_be_fetched(
    client: Client, acme: Account, acme_identity: AppleIdentity, method: str
) -> None:
    answer = getattr(client, method)(claimed(client, acme))
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD"

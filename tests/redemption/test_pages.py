"""The status page: what a passholder reads in each standing, and what nobody reads in any."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from credentials.models import Account, Credential, Person, WalletPass
from credentials.states import Wallet
from redemption.models import AppleIdentity
from tests import factories
from tests.redemption import standings
from tests.redemption.standings import STANDINGS

Queries = Callable[[int], AbstractContextManager[object]]


def text_of(page: str) -> str:
    """What a reader sees of a page, on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<body")[2]).split())


def wallets_on(page: str) -> list[str]:
    """The last part of where each form of a page goes."""
    return re.findall(r'<form method="post" action="/passes/\w+/(\w+)">\s*<button>', page)


@pytest.mark.parametrize(("standing", "status"), [(name, status) for name, (_, status) in STANDINGS.items()])
def test_a_page_tells_where_it_stands(
    client: Client, acme: Account, acme_identity: AppleIdentity, standing: str, status: int
) -> None:
    answer = client.get(STANDINGS[standing][0](acme))
    assert answer.status_code == status
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    page = answer.content.decode()
    assert re.findall(r"<body[^>]*>", page) == [f'<body data-state="{standing}">']
    assert '<html lang="en" dir="ltr">' in page
    assert page.count("<h1>") == 1
    assert "Acme Gym" in text_of(page)
    assert "Membership" in text_of(page)
    assert wallets_on(page) == (["apple"] if standing == "ready" else [])


def test_a_page_is_titled_by_where_it_stands(client: Client, acme: Account) -> None:
    titles = {}
    for standing, (path, _) in STANDINGS.items():
        page = client.get(path(acme)).content.decode()
        (heading,), (titles[standing],) = (
            re.findall("<h1>(.*)</h1>", page),
            re.findall("<title>(.*)</title>", page),
        )
        assert titles[standing] == f"{heading} – Acme Gym"
    assert len({*titles.values()}) == len(STANDINGS)


@pytest.mark.parametrize("standing", STANDINGS)
def test_a_page_costs_two_queries_at_most(
    client: Client,
    acme: Account,
    acme_identity: AppleIdentity,
    standing: str,
    django_assert_max_num_queries: Queries,
) -> None:
    path = STANDINGS[standing][0](acme)
    # The first visitor of a design has it drawn, for all who come after.
    with django_assert_max_num_queries(4):
        client.get(path)
    with django_assert_max_num_queries(2):
        client.get(path)


@pytest.mark.parametrize("standing", STANDINGS)
def test_head_answers_as_get_does(client: Client, acme: Account, standing: str) -> None:
    path = STANDINGS[standing][0](acme)
    get, head = client.get(path), client.head(path)
    assert head.content == b""
    assert head.status_code == get.status_code
    varying = {"X-Request-Id"}
    assert {k: v for k, v in head.items() if k not in varying} == {
        k: v for k, v in get.items() if k not in varying
    }


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
def test_a_page_can_only_be_looked_at(acme: Account, method: str) -> None:
    path = standings.ready(acme)
    before = standings.every_row()
    answer = getattr(Client(enforce_csrf_checks=True), method)(path)
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD"
    assert f'<a href="{path}">' in answer.content.decode()
    assert standings.every_row() == before


def test_upper_case_leads_to_the_same_page(client: Client, acme: Account) -> None:
    path = standings.ready(acme)
    token = path.rpartition("/")[2]
    lower, upper = client.get(path), client.get(f"/passes/{token.upper()}")
    assert upper.status_code == 200
    assert upper.content.decode().replace(token.upper(), token) == lower.content.decode()


def test_only_the_wallets_that_are_set_up_are_offered(
    client: Client, acme: Account, globex: Account, globex_identity: AppleIdentity
) -> None:
    path = standings.ready(acme)
    page = client.get(path).content.decode()
    assert wallets_on(page) == []
    assert "has not finished setting this up" in text_of(page)
    assert '<p class="badge waiting">Not yet available</p>' in page
    factories.google_issuer(globex)
    assert wallets_on(client.get(path).content.decode()) == []
    issuer = factories.google_issuer(acme, private_key=None)
    assert wallets_on(client.get(path).content.decode()) == []
    factories.google_issuer(acme, issuer_id=issuer.issuer_id)
    assert wallets_on(client.get(path).content.decode()) == ["google"]


@pytest.mark.parametrize(
    ("design", "wallets"),
    [
        ({}, ["apple", "google"]),
        ({"apple_enabled": False}, ["google"]),
        ({"google_enabled": False}, ["apple"]),
        ({"apple_enabled": False, "google_enabled": False}, []),
        ({"apple_pass_type_identifier": "pass.com.example.acme"}, ["apple", "google"]),
        ({"apple_pass_type_identifier": "pass.com.example.other"}, ["google"]),
    ],
)
def test_only_the_wallets_that_the_design_is_for_are_offered(
    client: Client, acme: Account, acme_identity: AppleIdentity, design: dict[str, object], wallets: list[str]
) -> None:
    factories.google_issuer(acme)
    kind = factories.credential_type(acme, **design)
    _, url = factories.credential_and_url(acme, credential_type=kind)
    assert wallets_on(client.get(standings.path_of(url)).content.decode()) == wallets


@pytest.mark.parametrize(
    "validity",
    [{"not_after": timezone.now() - timedelta(days=1)}, {"not_before": timezone.now() + timedelta(days=1)}],
)
def test_a_certificate_that_is_not_valid_offers_nothing(
    client: Client, acme: Account, acme_identity: AppleIdentity, validity: dict[str, object]
) -> None:
    AppleIdentity.objects.update(**validity)
    assert wallets_on(client.get(standings.ready(acme)).content.decode()) == []


@pytest.mark.parametrize("wallet", Wallet)
def test_a_pass_in_use_says_in_which_wallet_and_since_when(
    client: Client, acme: Account, wallet: Wallet
) -> None:
    path = standings.in_use(acme, wallet=wallet)
    added = timezone.now().replace(year=2025, month=3, day=12)
    Credential.objects.update(added_to_wallet_at=added)
    text = text_of(client.get(path).content.decode())
    assert f"Your pass is in {wallet.label} Wallet" in text
    assert "since March 12, 2025" in text
    assert "Moving to a new phone" in text


def test_a_link_that_expired_is_not_called_a_pass_that_expired(client: Client, acme: Account) -> None:
    credential, url = factories.credential_and_url(acme)
    Credential.objects.filter(pk=credential.pk).update(url_expires_at=timezone.now())
    answer = client.get(standings.path_of(url))
    assert answer.status_code == 410
    assert "This link has expired" in text_of(answer.content.decode())
    pass_page = client.get(standings.expired(acme)).content.decode()
    assert "This pass has expired" in text_of(pass_page)


def test_a_pass_whose_holder_begins_later_names_when(client: Client, acme: Account) -> None:
    path = standings.early(acme)
    Person.objects.update(valid_from=datetime(2126, 3, 8, 16, 5, tzinfo=UTC))
    answer = client.get(path)
    assert (answer.status_code, answer["Pass-State"]) == (200, "suspended")
    text = text_of(answer.content.decode())
    assert "Your pass is not valid yet" in text
    assert "It works from March 8, 2126, 4:05 p.m. (UTC)" in text
    assert "Keep this link until then" in text


def test_a_pass_whose_holder_has_ended_promises_nothing(client: Client, acme: Account) -> None:
    path = standings.over(acme)
    Person.objects.update(valid_to=datetime(2026, 3, 8, 16, 5, tzinfo=UTC))
    for suspended_at in (None, timezone.now()):
        Credential.objects.update(suspended_at=suspended_at)
        answer = client.get(path)
        assert (answer.status_code, answer["Pass-State"]) == (200, "suspended")
        text = text_of(answer.content.decode())
        assert "It was valid until March 8, 2026" in text
        assert "ask Acme Gym whether they extend it" in text
        assert "works again" not in text


def test_whoever_is_held_back_before_they_begin_is_told_of_that(client: Client, acme: Account) -> None:
    path = standings.early(acme)
    Person.objects.update(enabled=False)
    assert "is holding this pass back" in text_of(client.get(path).content.decode())


@pytest.mark.parametrize("standing", STANDINGS)
def test_a_page_is_sparing_with_the_holder(client: Client, acme: Account, standing: str) -> None:
    path = STANDINGS[standing][0](acme)
    page = client.get(path).content.decode()
    person = Person.objects.get()
    assert ("Ada L." in page) == (standing in {"ready", "in_use", "suspended"})
    assert "Ada" not in page.partition("<body")[0]
    for secret in (person.last_name, person.email, person.system_id, Credential.objects.get().public_id):
        assert secret not in page
    for held in WalletPass.objects.all():
        assert held.serial_number not in page


@pytest.mark.parametrize(("first", "last", "shown"), [("Cher", "", "Cher"), ("", "Prince", "P.")])
def test_a_holder_with_one_name_is_shown_by_it(
    client: Client, acme: Account, first: str, last: str, shown: str
) -> None:
    holder = factories.person(acme, first_name=first, last_name=last)
    _, url = factories.credential_and_url(acme, holder=holder)
    assert f">{shown}</text>" in client.get(standings.path_of(url)).content.decode()


def test_the_picture_wears_the_colours_of_the_design(client: Client, acme: Account) -> None:
    colours = {"background_color": "#123456", "foreground_color": "#fedcba", "label_color": "#abcdef"}
    kind = factories.credential_type(acme, **colours)
    _, url = factories.credential_and_url(acme, credential_type=kind)
    page = client.get(standings.path_of(url)).content.decode()
    assert all(f'fill="{colour}"' in page for colour in colours.values())


def test_names_cannot_smuggle_markup_in(client: Client, acme: Account) -> None:
    Account.objects.filter(pk=acme.pk).update(name="<x-account>")
    kind = factories.credential_type(acme, label="<x-label>", logo_text="<x-logo>", foreground_color='"><x->')
    holder = factories.person(acme, first_name="<x-first>", last_name="<x-last>")
    _, url = factories.credential_and_url(acme, credential_type=kind, holder=holder)
    page = client.get(standings.path_of(url)).content.decode()
    assert page.count("&lt;x-") >= 5
    assert "<x-" not in page


def test_a_preview_shows_nothing_of_the_pass(client: Client, acme: Account) -> None:
    page = client.get(standings.ready(acme)).content.decode()
    previewed = re.findall(r'<meta property="(og:\w+)" content="([^"]+)">', page)
    assert dict(previewed) == {
        "og:type": "website",
        "og:title": "Your wallet pass",
        "og:description": "Open this page on your phone to add the pass to your wallet.",
    }

"""Issuers are imported in the admin; their page says whether Google Wallet works, and if not, why."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from credentials.models import Account, Event
from redemption.models import GoogleIssuer
from tests import factories
from tests.admin.conftest import Staff
from tests.admin.test_credentials import everything_stored
from tests.fakes.google import FakeGoogle
from tests.fakes.google_accounts import ServiceAccount

LIST = "/admin/redemption/googleissuer/"
ADD = f"{LIST}add/"
ISSUER_ID = "3388000000022000001"


def form(account: Account, key: bytes, **changes: object) -> dict[str, object]:
    """The form, filled in."""
    file = SimpleUploadedFile("acme-wallet-0123456789ab.json", key)
    return {"account": account.pk, "issuer_id": ISSUER_ID, "service_account": file, **changes}


def page_of(issuer: GoogleIssuer, *, order: str = "") -> str:
    return f"{LIST}{issuer.pk}/{f'order/{order}' if order else 'change'}/"


def test_an_issuer_is_imported(
    acme: Account, root: Client, service_account: ServiceAccount, google: FakeGoogle
) -> None:
    asked = form(acme, service_account.file(), redemption_issuers="3388000000000000009, 3388000000000000010")
    assert root.post(ADD, asked, follow=True).redirect_chain == [(LIST, 302)]
    issuer = GoogleIssuer.objects.get()
    assert (issuer.account, issuer.issuer_id) == (acme, ISSUER_ID)
    assert issuer.redemption_issuers == ["3388000000000000009", "3388000000000000010"]
    assert [(event.type, event.actor) for event in Event.objects.all()] == [
        ("google_issuer.imported", "admin:root")
    ]
    assert "PRIVATE KEY" not in everything_stored()
    assert google.requests == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"service_account": SimpleUploadedFile("key.json", b"{}")}, "service_account"),
        ({"service_account": SimpleUploadedFile("key.json", b"x" * 100_001)}, "service_account"),
        ({"service_account": ""}, "service_account"),
        ({"issuer_id": "acme"}, "issuer_id"),
        ({"issuer_id": ""}, "issuer_id"),
        ({"redemption_issuers": "acme"}, "redemption_issuers"),
    ],
)
def test_what_is_refused_is_told_next_to_its_field(
    changed: dict[str, object],
    field: str,
    acme: Account,
    root: Client,
    service_account: ServiceAccount,
) -> None:
    response = root.post(ADD, form(acme, service_account.file(), **changed))
    assert list(response.context["adminform"].form.errors) == [field]
    assert not GoogleIssuer.objects.exists()
    assert not Event.objects.exists()


def test_the_page_shows_what_is_public_and_no_key(
    issuer: GoogleIssuer, service_account: ServiceAccount, root: Client, settings: Settings
) -> None:
    settings.BASE_URL = "https://passes.example.org"
    page = root.get(page_of(issuer)).content.decode()
    for shown in (service_account.email, service_account.project_id, service_account.private_key_id):
        assert shown in page
    assert f"https://passes.example.org/google/callback/{ISSUER_ID}" in page
    assert bytes(issuer.private_key or b"").decode() not in page
    assert "PRIVATE" not in page


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, ['badge-good">Ready<']),
        ({"private_key": None}, ['badge-bad">No key<']),
        (
            {"refused_at": timezone.now(), "refusal": "Invite <somebody>."},
            ['badge-bad">Refused by Google<', "Invite &lt;somebody&gt;."],
        ),
    ],
)
def test_the_list_and_the_page_say_whether_it_works(
    columns: dict[str, object], words: list[str], acme: Account, root: Client
) -> None:
    issuer = factories.google_issuer(acme, **columns)
    for address in (LIST, page_of(issuer)):
        page = root.get(address).content.decode()
        assert [word for word in words if word not in page] == []


def test_the_next_key_is_asked_for_with_all_that_stays(
    issuer: GoogleIssuer, service_account: ServiceAccount, root: Client
) -> None:
    GoogleIssuer.objects.update(redemption_issuers=["3388000000000000009"])
    page = root.get(page_of(issuer)).content.decode()
    link = re.search(rf'href="({ADD}\?[^"]+)"', page)
    assert link is not None
    shown = root.get(link[1].replace("&amp;", "&"))
    filled_in = shown.context["adminform"].form.initial
    assert filled_in == {
        "account": str(issuer.account_id),
        "issuer_id": ISSUER_ID,
        "redemption_issuers": "3388000000000000009",
    }
    root.post(ADD, {**filled_in, "service_account": SimpleUploadedFile("key", service_account.file())})
    imported_at, issuer.imported_at = issuer.imported_at, None
    issuer.refresh_from_db()
    assert issuer.imported_at is not None
    assert imported_at is not None
    assert issuer.imported_at > imported_at
    assert issuer.redemption_issuers == ["3388000000000000009"]


def test_google_is_asked_by_a_button(issuer: GoogleIssuer, root: Client, google: FakeGoogle) -> None:
    assert page_of(issuer, order="check") in root.get(page_of(issuer)).content.decode()
    assert root.get(page_of(issuer, order="check")).status_code == 200
    assert google.requests == []
    answer = root.post(page_of(issuer, order="check"), follow=True)
    assert "Google confirms it." in answer.content.decode()
    google.resources.invited.clear()
    answer = root.post(page_of(issuer, order="check"), follow=True)
    assert "Invite this address as a user" in answer.content.decode()
    assert 'badge-bad">Refused by Google<' in answer.content.decode()


def test_an_issuer_without_a_key_cannot_ask(acme: Account, root: Client) -> None:
    issuer = factories.google_issuer(acme, private_key=None)
    assert "/order/" not in root.get(page_of(issuer)).content.decode()
    answer = root.post(page_of(issuer, order="check"), follow=True)
    assert "No key of a Google service account has been imported." in answer.content.decode()


def test_an_issuer_is_neither_changed_nor_deleted(issuer: GoogleIssuer, root: Client) -> None:
    assert root.post(page_of(issuer), {"issuer_id": "1"}).status_code == 405
    assert root.post(f"{LIST}{issuer.pk}/delete/", {"post": "yes"}).status_code == 403


def test_importing_and_asking_need_their_permissions(
    acme: Account, issuer: GoogleIssuer, staff: Staff, google: FakeGoogle
) -> None:
    clerk = staff("view_googleissuer")
    assert clerk.post(ADD, {"account": acme.pk}).status_code == 403
    assert clerk.post(page_of(issuer, order="check")).status_code == 403
    assert google.requests == []

"""Every page opens for those who may see it, and for nobody else; opening one changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from credentials.branding import update_branding
from credentials.models import Account, ApiKey, Credential, Event, Person, WalletPass
from credentials.states import Wallet
from redemption.models import AppleIdentity, AppleLog, ApplePass, GoogleIssuer, GuessingAddress
from tests import factories
from tests.admin.conftest import Staff
from tests.credentials.csv_files import check, many

OURS = [model for model in admin.site._registry if model._meta.app_label in ("credentials", "redemption")]
NAMES = [model._meta.label_lower for model in OURS]
MADE_BY_FORM = {
    "credentials.account",
    "credentials.apikey",
    "credentials.credential",
    "credentials.credentialtype",
    "credentials.peopleimport",
    "credentials.person",
    "redemption.appleidentity",
    "redemption.googleissuer",
}


def address(name: str, page: str, *args: object) -> str:
    """Where a page of the admin is."""
    return reverse(f"admin:{name.replace('.', '_')}_{page}", args=args)


@pytest.fixture
def rows(acme: Account, globex: Account, acme_identity: AppleIdentity) -> dict[str, Model]:
    """One row of every noun, by its name."""
    credential = factories.credential(acme, expires_at=timezone.now() + timedelta(days=1))
    factories.api_key(acme)
    check(acme, many(1))
    update_branding(acme, accent_color="#c2410c", actor="test")
    wallet_pass = factories.wallet_pass(credential, wallet=Wallet.APPLE)
    apple_pass = ApplePass.objects.create(
        wallet_pass=wallet_pass, pass_type=acme_identity.pass_type, modified_at=timezone.now()
    )
    device = acme_identity.pass_type.devices.create(
        device_library_identifier="device-1", push_token="ab" * 32, push_token_at=timezone.now()
    )
    device.registrations.create(apple_pass=apple_pass, generation=1, registered_at=timezone.now())
    AppleLog.objects.create(message="Unexpected response code 500")
    now = timezone.now()
    GuessingAddress.objects.create(address="203.0.113.9", first_seen_at=now, last_seen_at=now)
    issuer = GoogleIssuer.objects.create(account=acme, issuer_id="3388000000012345678")
    google_class = issuer.classes.create(credential_type=credential.credential_type)
    google_pass = google_class.passes.create(
        wallet_pass=factories.wallet_pass(credential, wallet=Wallet.GOOGLE), modified_at=timezone.now()
    )
    google_pass.messages.create(issuer=issuer, nonce="1", expires_at=timezone.now(), due_at=timezone.now())
    return {name: apps.get_model(name)._default_manager.all()[0] for name in NAMES}


def count() -> dict[str, int]:
    """How many rows there are of everything that an admin or a verb writes."""
    return {
        model.__name__: model._default_manager.count()
        for model in (Event, Credential, LogEntry, ApiKey, Person)
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_list_and_every_page_opens(name: str, rows: dict[str, Model], root: Client) -> None:
    before = count()
    for page in (
        address(name, "changelist"),
        address(name, "change", rows[name].pk),
        address(name, "history", rows[name].pk),
        f"{address(name, 'changelist')}?q=ada",
    ):
        response = root.get(page)
        assert response.status_code == 200, page
        assert "unsafe" not in response["Content-Security-Policy"]
    assert count() == before


@pytest.mark.parametrize("name", NAMES)
def test_only_what_a_form_makes_can_be_added(name: str, rows: dict[str, Model], root: Client) -> None:
    assert root.get(address(name, "add")).status_code == (200 if name in MADE_BY_FORM else 403)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_but_a_person_is_deleted(name: str, rows: dict[str, Model], root: Client) -> None:
    page = address(name, "delete", rows[name].pk)
    assert root.get(page).status_code == (200 if name == "credentials.person" else 403)
    if name != "credentials.person":
        assert root.post(page, {"post": "yes"}).status_code == 403
        rows[name].refresh_from_db()


@pytest.mark.parametrize("name", NAMES)
def test_a_visitor_is_asked_to_log_in(name: str, rows: dict[str, Model], client: Client) -> None:
    for page in (address(name, "changelist"), address(name, "change", rows[name].pk), address(name, "add")):
        response = client.get(page)
        assert response.status_code == 302
        assert response["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("name", NAMES)
def test_staff_without_permission_see_nothing(name: str, rows: dict[str, Model], staff: Staff) -> None:
    clerk = staff()
    for page in (address(name, "changelist"), address(name, "change", rows[name].pk), address(name, "add")):
        assert clerk.get(page).status_code == 403


@pytest.mark.parametrize("name", NAMES)
def test_staff_who_may_look_see_no_way_to_change(name: str, rows: dict[str, Model], staff: Staff) -> None:
    clerk = staff(f"view_{name.partition('.')[2]}")
    page = clerk.get(address(name, "change", rows[name].pk))
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert b"/order/" not in page.content
    assert clerk.post(address(name, "change", rows[name].pk)).status_code in (403, 405)


@pytest.mark.parametrize("name", ["credentials.event", "credentials.walletpass", "redemption.applepass"])
def test_what_happened_cannot_be_written(name: str, rows: dict[str, Model], root: Client) -> None:
    before = count()
    assert root.post(address(name, "change", rows[name].pk), {"actor": "nobody"}).status_code == 403
    assert root.post(address(name, "add"), {"actor": "nobody"}).status_code == 403
    assert count() == before


def test_a_page_that_is_not_there_leads_back(root: Client) -> None:
    for name in NAMES:
        for key in ("999999", "abc"):
            assert root.get(address(name, "change", key)).status_code == 302


def test_no_key_and_no_digest_is_on_a_page(rows: dict[str, Model], root: Client) -> None:
    key, identity = rows["credentials.apikey"], rows["redemption.appleidentity"]
    assert isinstance(key, ApiKey)
    assert isinstance(identity, AppleIdentity)
    shown = root.get(address("credentials.apikey", "change", key.pk)).content
    assert bytes(key.digest).hex().encode() not in shown
    shown = root.get(address("redemption.appleidentity", "change", identity.pk)).content
    assert b"BEGIN CERTIFICATE" in shown
    assert b"PRIVATE KEY" not in shown
    assert bytes(identity.private_key)[:20] not in shown


def test_lists_are_found_by_what_people_know(rows: dict[str, Model], root: Client) -> None:
    credential, wallet_pass = rows["credentials.credential"], rows["credentials.walletpass"]
    assert isinstance(credential, Credential)
    assert isinstance(wallet_pass, WalletPass)
    credentials = address("credentials.credential", "changelist")
    for known in ("lovel", "ADA", credential.person.email, credential.person.system_id, credential.public_id):
        assert credential.public_id.encode() in root.get(credentials, {"q": known}).content, known
    assert credential.public_id.encode() in root.get(credentials, {"q": wallet_pass.serial_number}).content
    assert b"Nothing matches" in root.get(credentials, {"q": "nobody"}).content
    events = root.get(address("credentials.event", "changelist"), {"q": credential.public_id})
    assert b"credential.created" in events.content


def test_an_empty_list_says_what_to_do(root: Client) -> None:
    assert b"Nothing here yet" in root.get(address("credentials.person", "changelist")).content

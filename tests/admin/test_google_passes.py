"""What Google has, is owed and has said can be seen in the admin, and Google be asked from there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from credentials import lifecycle
from credentials.models import Account, WalletPass
from credentials.states import Evidence, PassState
from redemption.models import GoogleClass, GoogleIssuer, GoogleMessage, GooglePass
from tests.admin.conftest import Staff
from tests.fakes.google import FakeGoogle
from tests.redemption.google.cards import Card, claimed

Status = GoogleMessage.Status


@pytest.fixture
def card(acme: Account, issuer: GoogleIssuer, google: FakeGoogle) -> Card:
    """A card that was just claimed."""
    return claimed(acme, issuer, google)


def page_of(row: GooglePass | GoogleMessage | GoogleClass | WalletPass) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def order(row: GooglePass | GoogleMessage, name: str) -> str:
    return page_of(row).replace("/change/", f"/order/{name}/")


def text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def message_about(card: Card, **columns: object) -> GoogleMessage:
    defaults = {
        "nonce": "nonce-1",
        "event_type": "save",
        "object_id": card.object_id,
        "expires_at": timezone.now(),
        "body": '{"eventType":"save"}',
        "status": Status.QUARANTINED,
        "remark": "It names an object that was never made here.",
    }
    return card.row.google_class.issuer.messages.create(**{**defaults, **columns})


def test_what_a_pass_is_owed_is_pending_or_done(card: Card, root: Client) -> None:
    assert "Done" in text(root, page_of(card.row))
    GooglePass.objects.update(patch_due_at=timezone.now())
    assert "Pending" in text(root, page_of(card.row))
    GooglePass.objects.update(patch_error="Google refuses it: Invalid value [400]")
    for page in (page_of(card.row), "/admin/redemption/googlepass/"):
        assert "Google refuses it: Invalid value [400]" in text(root, page)


def test_so_is_what_a_class_is_owed(card: Card, root: Client) -> None:
    GoogleClass.objects.update(patch_due_at=timezone.now(), patch_error="Too large")
    assert "Too large" in text(root, page_of(card.row.google_class))
    assert card.row.google_class.class_id in text(root, page_of(card.row.google_class))


def test_passes_that_wait_for_google_can_be_listed(card: Card, root: Client) -> None:
    waiting = "/admin/redemption/googlepass/?patch_due_at__isempty=0"
    assert card.wallet_pass.serial_number not in text(root, waiting)
    GooglePass.objects.update(patch_due_at=timezone.now())
    assert card.wallet_pass.serial_number in text(root, waiting)


def test_google_is_asked_about_a_pass(card: Card, root: Client) -> None:
    card.save()
    assert "Ask Google" in text(root, page_of(card.row))
    response = root.post(order(card.row, "ask"), follow=True)
    assert "Google has answered." in response.content.decode()
    assert card.pass_state == PassState.INSTALLED
    assert "Yes" in text(root, "/admin/redemption/googlepass/")
    assert LogEntry.objects.get().get_change_message() == "Ask Google"


def test_why_google_does_not_answer_is_shown(card: Card, root: Client) -> None:
    card.google.resources.invited.clear()
    response = root.post(order(card.row, "ask"), follow=True)
    assert "Invite this address as a user" in response.content.decode()


def test_google_is_not_asked_about_what_is_over(card: Card, root: Client) -> None:
    lifecycle.revoke(card.credential, actor="test")
    assert "Ask Google" not in text(root, page_of(card.row))


def test_quarantined_messages_are_listed_and_looked_at_again(card: Card, root: Client) -> None:
    message = message_about(card)
    listed = text(root, "/admin/redemption/googlemessage/?status__exact=quarantined")
    assert card.object_id in listed
    assert "It names an object that was never made here." in listed
    action = {"action": "look_again", "_selected_action": [message.pk], "confirmed": "1"}
    assert root.post("/admin/redemption/googlemessage/", action).status_code == 302
    message.refresh_from_db()
    assert (message.status, message.attempts, message.remark) == (Status.PENDING, 0, "")


def test_a_message_shows_what_was_signed_and_cannot_be_changed(card: Card, root: Client) -> None:
    message = message_about(card, google_pass=card.row)
    page = text(root, page_of(message))
    assert "{&quot;eventType&quot;:&quot;save&quot;}" in page
    assert 'name="_save"' not in page
    assert root.post(page_of(message), {"remark": "mine"}).status_code == 405
    assert message.remark in text(root, page_of(card.row))


def test_who_may_only_look_gives_no_orders(card: Card, staff: Staff) -> None:
    message = message_about(card)
    clerk = staff("view_googlemessage", "view_googlepass")
    assert "Look again" not in text(clerk, page_of(message))
    assert clerk.post(order(message, "look_again")).status_code == 403
    assert clerk.post(order(card.row, "ask")).status_code == 403
    assert card.asked() == 0


def test_the_evidence_of_a_pass_is_shown_wherever_the_pass_is(card: Card, root: Client) -> None:
    confirmed_at = timezone.now() - timedelta(hours=3)
    WalletPass.objects.update(confirmed_at=confirmed_at, confirmed_by=Evidence.RECONCILED)
    shown = f"Reconciled, {confirmed_at:%Y-%m-%d %H:%M}"
    credential = f"/admin/credentials/credential/{card.credential.pk}/change/"
    for page in (page_of(card.now), "/admin/credentials/walletpass/", credential):
        assert shown in text(root, page)

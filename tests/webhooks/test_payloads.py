"""What a receiver reads: exactly the members of the contract."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from credentials import lifecycle
from credentials.event_types import PUBLIC_EVENT_TYPES, EventType
from credentials.events import record
from credentials.models import Account, Event
from credentials.snapshots import snapshot
from tests import factories
from webhooks import payloads

CREDENTIAL_MEMBERS = [
    "id",
    "person_id",
    "credential_type_id",
    "label",
    "status",
    "wallet_type",
    "devices",
    "created_at",
    "invited_at",
    "added_to_wallet_at",
    "removed_from_wallet_at",
    "revoked_at",
    "suspended_at",
    "expires_at",
    "url_expires_at",
]


def test_a_message_has_exactly_the_members_of_the_contract(acme: Account) -> None:
    person = factories.person(acme, system_id="member-7")
    credential = factories.credential(acme, holder=person)
    lifecycle.suspend(credential, actor="admin:ada")
    event = credential.events.get(type=EventType.CREDENTIAL_SUSPENDED)

    message = json.loads(payloads.body(event))
    assert list(message) == ["type", "timestamp", "data"]
    assert message["type"] == "credential.suspended"
    assert message["timestamp"].endswith("Z")
    data = message["data"]
    assert list(data) == ["account_id", "credential", "person_id", "system_id", "sequence", "actor"]
    assert (data["account_id"], data["person_id"], data["system_id"]) == (acme.pk, person.pk, "member-7")
    assert (data["sequence"], data["actor"]) == (2, "admin:ada")
    assert list(data["credential"]) == CREDENTIAL_MEMBERS


def test_the_credential_is_as_the_api_shows_it_without_url_and_value(acme: Account) -> None:
    credential = factories.credential(acme)
    shown = json.loads(payloads.body(credential.events.get()))["data"]["credential"]
    assert shown == snapshot(credential, installed=None)
    assert "url" not in shown
    assert "value" not in shown


def test_what_else_an_event_holds_stays_in_the_house(acme: Account) -> None:
    event = factories.credential(acme).events.get()
    before = payloads.body(event)
    event.data["secret"] = event.data["credential"]["value"] = "7351"
    assert payloads.body(event) == before


def test_an_event_from_before_a_member_was_named_is_told_without_it(acme: Account) -> None:
    event = factories.credential(acme).events.get()
    del event.data["credential"]["url_expires_at"]
    shown = json.loads(payloads.body(event))["data"]["credential"]
    assert list(shown) == CREDENTIAL_MEMBERS
    assert shown["url_expires_at"] is None


def test_the_bytes_are_minified_ascii_and_the_same_however_it_was_kept(acme: Account) -> None:
    kind = factories.credential_type(acme, label="Führungskräfte")
    event = factories.credential(acme, credential_type=kind).events.get()
    body = payloads.body(event)
    assert body.isascii()
    assert body == json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert json.loads(body)["data"]["credential"]["label"] == "Führungskräfte"
    assert payloads.body(Event.objects.get(pk=event.pk)) == body


@pytest.mark.parametrize("event_type", PUBLIC_EVENT_TYPES)
def test_every_public_type_has_the_same_members(acme: Account, event_type: EventType) -> None:
    event = record(event_type, account=acme, actor="system", now=timezone.now(), data={"reason": "odd"})
    data = json.loads(payloads.body(event))["data"]
    assert data == {
        "account_id": acme.pk,
        "credential": None,
        "person_id": None,
        "system_id": None,
        "sequence": None,
        "actor": "system",
    }


def test_the_public_types_are_those_of_the_contract() -> None:
    assert {*payloads.CARRIED_TYPES} == {
        "credential.created",
        "credential.url_issued",
        "credential.added_to_wallet",
        "credential.removed_from_wallet",
        "credential.suspended",
        "credential.resumed",
        "credential.expired",
        "credential.revoked",
        "security.suspicious_activity",
        "webhook.test",
    }

"""`POST /credentials` and `POST /people/{id}/credentials`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from credentials import tokens
from credentials.event_types import EventType
from credentials.models import Account, Credential, CredentialType, Event, Person, RedemptionUrl
from credentials.timestamps import rfc3339
from tests import factories
from tests.callers import Caller

MEMBERS = {
    "id",
    "person_id",
    "credential_type_id",
    "label",
    "status",
    "wallet_type",
    "value",
    "value_totp",
    "confirmed_at",
    "confirmed_by",
    "reopens_at",
    "awaits_approval",
    "devices",
    "created_at",
    "invited_at",
    "added_to_wallet_at",
    "removed_from_wallet_at",
    "revoked_at",
    "suspended_at",
    "expires_at",
    "url_expires_at",
}


@pytest.fixture
def person(acme: Account) -> Person:
    return factories.person(acme)


@pytest.fixture
def kind(acme: Account) -> CredentialType:
    return factories.credential_type(acme)


def requests(person: Person, kind: CredentialType) -> list[tuple[str, Any]]:
    """The same order in every form in which clients send it."""
    nested, flat = {"credential_type_id": kind.pk}, {"credential_type_id": kind.pk, "person_id": person.pk}
    return [
        (f"people/{person.pk}/credentials", nested),
        (f"people/{person.pk}/credentials", {"person_credential": nested}),
        (
            f"people/{person.pk}/credentials",
            {**nested, "value": "passflow-id", "enabled": True, "person_id": 1},
        ),
        ("credentials", flat),
        ("credentials", {"person_credential": {**flat, "value": None}}),
    ]


@pytest.mark.parametrize("form", range(5))
def test_issuing_answers_with_the_credential_and_its_url(
    caller: Caller, person: Person, kind: CredentialType, form: int
) -> None:
    path, body = requests(person, kind)[form]
    answer = caller.post(path, body)
    assert answer.status_code == 201
    shown = answer.json()
    assert shown.keys() == MEMBERS | {"url"}
    assert (shown["person_id"], shown["credential_type_id"], shown["label"]) == (
        person.pk,
        kind.pk,
        kind.label,
    )
    assert (shown["status"], shown["wallet_type"], shown["value"], shown["devices"]) == (
        "invited",
        None,
        None,
        0,
    )
    url = RedemptionUrl.objects.get()
    assert bytes(url.digest) == tokens.url_token_digest(factories.url_token(shown["url"]))
    event = Event.objects.get(credential__public_id=shown["id"])
    assert (event.type, event.sequence) == (EventType.CREDENTIAL_CREATED, 1)
    assert event.actor.startswith("api_key:")


def test_the_url_is_shown_once(caller: Caller, person: Person, kind: CredentialType) -> None:
    shown = caller.post(f"people/{person.pk}/credentials", {"credential_type_id": kind.pk}).json()
    secret = factories.url_token(shown.pop("url"))
    for path in (f"credentials/{shown['id']}", f"people/{person.pk}/credentials/{shown['id']}"):
        assert caller.get(path).json() == shown
    for path in ("credentials", f"people/{person.pk}/credentials"):
        assert caller.get(path).json() == [shown]
    for path in ("events", f"credentials/{shown['id']}/events", "people"):
        assert secret not in caller.get(path).content.decode()


def test_a_credential_may_have_an_end(caller: Caller, person: Person, kind: CredentialType) -> None:
    end = rfc3339(timezone.now() + timedelta(days=1))
    body = {"credential_type_id": kind.pk, "expires_at": end}
    assert caller.post(f"people/{person.pk}/credentials", body).json()["expires_at"] == end


def test_the_url_ends_with_the_lifetime_of_the_account(
    caller: Caller, acme: Account, person: Person, kind: CredentialType
) -> None:
    Account.objects.filter(pk=acme.pk).update(url_lifetime=timedelta(hours=1))
    shown = caller.post(f"people/{person.pk}/credentials", {"credential_type_id": kind.pk}).json()
    assert shown["url_expires_at"] is not None


def test_a_second_one_of_the_type_is_a_conflict_that_shows_the_first(
    caller: Caller, person: Person, kind: CredentialType
) -> None:
    first = caller.post(f"people/{person.pk}/credentials", {"credential_type_id": kind.pk}).json()
    for path, body in requests(person, kind):
        answer = caller.post(path, body)
        assert answer.status_code == 409
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["error"] == "conflict"
        held = answer.json()["credential"]
        assert held.keys() == MEMBERS
        assert held == {name: first[name] for name in MEMBERS}
    assert Credential.objects.count() == 1


def test_after_a_revocation_another_one_can_be_issued(
    caller: Caller, person: Person, kind: CredentialType
) -> None:
    path, body = f"people/{person.pk}/credentials", {"credential_type_id": kind.pk}
    first = caller.post(path, body).json()
    caller.delete(f"credentials/{first['id']}")
    second = caller.post(path, body)
    assert second.status_code == 201
    assert second.json()["id"] != first["id"]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("credential_type_id", None),
        ("credential_type_id", "14"),
        ("credential_type_id", True),
        ("credential_type_id", 1.5),
        ("credential_type_id", 0),
        ("credential_type_id", -1),
        ("credential_type_id", 2**63),
        ("credential_type_id", 987_654_321),
        ("credential_type_id", [1]),
        ("expires_at", "tomorrow"),
        ("expires_at", "2020-01-01T00:00:00Z"),
        ("expires_at", 7),
        ("person_id", None),
        ("person_id", "1"),
        ("person_id", 2**63),
        ("person_id", 987_654_321),
        ("person_id", {}),
    ],
)
def test_a_value_that_cannot_be_accepted_is_named(
    caller: Caller, person: Person, kind: CredentialType, member: str, value: Any
) -> None:
    body = {"credential_type_id": kind.pk, "person_id": person.pk, member: value}
    for sent in (body, {"person_credential": body}):
        answer = caller.post("credentials", sent)
        assert answer.status_code == 422
        assert answer.json()["errors"].keys() == {member}
    if member != "person_id":
        answer = caller.post(f"people/{person.pk}/credentials", body)
        assert answer.status_code == 422
        assert answer.json()["errors"].keys() == {member}
    assert not Credential.objects.exists()


def test_what_is_missing_is_named(caller: Caller, person: Person) -> None:
    assert caller.post("credentials", {}).json()["errors"].keys() == {"credential_type_id", "person_id"}
    answer = caller.post(f"people/{person.pk}/credentials")
    assert answer.json()["errors"].keys() == {"credential_type_id"}


def test_nothing_of_another_account_can_be_named(
    caller: Caller, person: Person, kind: CredentialType, globex: Account
) -> None:
    theirs, their_kind = factories.person(globex), factories.credential_type(globex)
    answer = caller.post("credentials", {"person_id": theirs.pk, "credential_type_id": kind.pk})
    unknown = caller.post("credentials", {"person_id": 987_654_321, "credential_type_id": kind.pk})
    assert (
        answer.json()["errors"]
        == unknown.json()["errors"]
        == {"person_id": ["This was not found in this account."]}
    )
    answer = caller.post("credentials", {"person_id": person.pk, "credential_type_id": their_kind.pk})
    assert answer.json()["errors"] == {"credential_type_id": ["This was not found in this account."]}
    assert caller.post(f"people/{theirs.pk}/credentials", {"credential_type_id": kind.pk}).status_code == 404
    assert not Credential.objects.exists()


def test_a_deleted_person_gets_nothing(caller: Caller, person: Person, kind: CredentialType) -> None:
    caller.delete(f"people/{person.pk}")
    for path, body in requests(person, kind):
        assert caller.post(path, body).status_code in (404, 422)
    assert not Credential.objects.exists()


def test_everything_else_is_no_method_of_the_list(caller: Caller, person: Person) -> None:
    for path in ("credentials", f"people/{person.pk}/credentials"):
        for method in ("PUT", "PATCH", "DELETE"):
            assert caller.call(method, path, {}).status_code == 405

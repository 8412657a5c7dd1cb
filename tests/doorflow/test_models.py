"""What clients made from DoorFlow's public OpenAPI file expect of a person, a credential and a type."""

from __future__ import annotations

from types import NoneType
from typing import Any

import pytest

from credentials.models import Account
from tests import factories
from tests.callers import Caller

# The members that DoorFlow's models require, and those that they know besides and may be null.
PERSON = {"id": int, "first_name": str, "last_name": str, "enabled": bool, "groups": list, "roles": list}
PERSON_OR_NULL = ("email", "system_id", "valid_from", "valid_to", "created_at", "updated_at")
CREDENTIAL = {"id": str, "credential_type_id": int, "person_id": int, "label": str}
CREDENTIAL_OR_NULL = ("value", "status", "url", "wallet_type")
CREDENTIAL_TYPE = {"id": int, "label": str, "slug": str}


@pytest.fixture
def client(acme: Account) -> Caller:
    """A client that knows nothing but DoorFlow's paths."""
    return Caller(factories.api_key(acme), prefix="/api/3/")


def fits(found: dict[str, Any], required: dict[str, type], *, or_null: tuple[str, ...]) -> bool:
    """Whether every member has the type that the model gives it."""
    has_required = all(type(found[name]) is kind for name, kind in required.items())
    return has_required and all(isinstance(found.get(name), str | NoneType) for name in or_null)


def test_a_person_fits(client: Caller) -> None:
    created = client.post(
        "people", {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org"}
    )
    path = f"people/{created.json()['id']}"
    changed = client.put(path, {"last_name": "King", "valid_to": "2999-01-01T00:00:00.000Z"})
    for person in (created.json(), changed.json(), client.get(path).json(), *client.get("people").json()):
        assert fits(person, PERSON, or_null=PERSON_OR_NULL)
    assert client.delete(path).json() == {"result": "ok"}


def test_a_credential_type_fits(client: Caller, acme: Account) -> None:
    factories.credential_type(acme, code=14)
    factories.credential_type(acme)
    known, unknown = client.get("credential_types").json()
    for kind in (known, unknown):
        assert fits(kind, CREDENTIAL_TYPE, or_null=())
    assert (known["code"], unknown["code"]) == (14, None)


def test_a_credential_fits(client: Caller, acme: Account) -> None:
    person, kind = factories.person(acme), factories.credential_type(acme)
    path = f"people/{person.pk}/credentials"
    issued = client.post(path, {"person_credential": {"credential_type_id": kind.pk}})
    one = f"{path}/{issued.json()['id']}"
    shown, revoked = client.get(f"{one}?ack_token=1&callback=2"), client.delete(one)
    held = (*client.get(path).json(), *client.get("credentials").json())
    for credential in (issued.json(), shown.json(), revoked.json(), *held):
        assert fits(credential, CREDENTIAL, or_null=CREDENTIAL_OR_NULL)
    assert issued.json()["url"].startswith("http")
    assert revoked.json()["status"] == "revoked"


def test_refusals_have_the_members_of_doorflow_s_errors(client: Caller) -> None:
    refusal = client.post("people", {"first_name": "Ada"}).json()
    assert refusal["error"] == "validation_failed"
    assert isinstance(refusal["error_description"], str)
    assert refusal["errors"] == {"last_name": ["This field is required."]}
    assert client.get("people/1").json()["error"] == "not_found"
    assert Caller("", prefix="/api/3/").get("people").json()["error"] == "unauthorized"

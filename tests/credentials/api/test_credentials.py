"""`/credentials`: listing and showing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from credentials import lifecycle
from credentials.models import Account, Credential, WalletPass
from credentials.states import Evidence, Wallet
from credentials.values import value_of
from tests import factories
from tests.callers import Caller


def add(credential: Credential, *, devices: int = 1, wallet: Wallet = Wallet.APPLE) -> WalletPass:
    """Puts the credential into a wallet, by the report of it."""
    offered = factories.wallet_pass(credential, wallet=wallet)
    with transaction.atomic():
        held = WalletPass.objects.held().get(pk=offered.pk)
        assert lifecycle.add_to_wallet(held, devices=devices, by=Evidence.REGISTRATION, actor="test")
    return held


def ids(answer: Any) -> list[str]:
    return [credential["id"] for credential in answer.json()]


def test_the_credentials_of_the_account_are_listed_oldest_first(
    caller: Caller, acme: Account, globex: Account
) -> None:
    mine = [factories.credential(acme).public_id for _ in range(3)]
    factories.credential(globex)
    answer = caller.get("credentials")
    assert ids(answer) == mine
    assert answer["X-Total-Results"] == "3"
    assert all("url" not in credential for credential in answer.json())


def test_a_person_s_credentials_are_listed_below_them(caller: Caller, acme: Account) -> None:
    person = factories.person(acme)
    theirs = [factories.credential(acme, holder=person).public_id for _ in range(2)]
    factories.credential(acme)
    answer = caller.get(f"people/{person.pk}/credentials?per_page=1&page=2")
    assert ids(answer) == theirs[1:]
    assert answer["X-Total-Results"] == "2"


def test_the_installed_pass_is_shown(caller: Caller, acme: Account) -> None:
    credential = factories.credential(acme)
    installed = add(credential, devices=2, wallet=Wallet.GOOGLE)
    shown = caller.get(f"credentials/{credential.public_id}").json()
    assert (shown["status"], shown["wallet_type"], shown["devices"]) == ("added_to_wallet", "google", 2)
    assert shown["value"] == value_of(installed)
    assert len(shown["value"]) == 26
    assert (shown["confirmed_at"], shown["confirmed_by"]) == (shown["added_to_wallet_at"], "registration")
    assert shown["added_to_wallet_at"] is not None
    assert caller.get("credentials").json() == [shown]


def test_a_pass_that_was_taken_out_has_no_value(caller: Caller, acme: Account) -> None:
    credential = factories.credential(acme)
    installed = add(credential)
    with transaction.atomic():
        lifecycle.remove_from_wallet(WalletPass.objects.held().get(pk=installed.pk), devices=0, actor="test")
    shown = caller.get(f"credentials/{credential.public_id}").json()
    assert (shown["status"], shown["wallet_type"], shown["value"]) == ("removed_from_wallet", None, None)
    assert (shown["confirmed_at"], shown["confirmed_by"]) == (None, None)


def test_the_filters_work_alone_and_together(caller: Caller, acme: Account) -> None:
    ada, kind = factories.person(acme), factories.credential_type(acme)
    adas = factories.credential(acme, holder=ada, credential_type=kind)
    adas_other = factories.credential(acme, holder=ada)
    others = factories.credential(acme, credential_type=kind)
    add(adas)
    lifecycle.revoke(others, actor="test")

    def found(query: str) -> list[str]:
        return ids(caller.get(f"credentials?{query}"))

    assert found("status=added_to_wallet") == [adas.public_id]
    assert found("status=revoked") == [others.public_id]
    assert found("status=expired") == []
    assert found(f"person_id={ada.pk}") == [adas.public_id, adas_other.public_id]
    assert found(f"credential_type_id={kind.pk}") == [adas.public_id, others.public_id]
    assert found(f"person_id={ada.pk}&credential_type_id={kind.pk}&status=added_to_wallet") == [
        adas.public_id
    ]
    assert ids(caller.get(f"people/{ada.pk}/credentials?status=invited")) == [adas_other.public_id]


def test_a_filter_by_something_of_another_account_finds_nothing(
    caller: Caller, acme: Account, globex: Account
) -> None:
    factories.credential(acme)
    theirs = factories.credential(globex)
    assert caller.get(f"credentials?person_id={theirs.person_id}").json() == []
    assert caller.get(f"credentials?credential_type_id={theirs.credential_type_id}").json() == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=active", "status"),
        ("status=", "status"),
        ("status=%00", "status"),
        ("person_id=x", "person_id"),
        ("person_id=0", "person_id"),
        (f"person_id={2**63}", "person_id"),
        (f"credential_type_id={2**63}", "credential_type_id"),
        ("credential_type_id=1.5", "credential_type_id"),
        ("credential_type_id=%EF%BC%91x", "credential_type_id"),
    ],
)
def test_a_bad_value_is_named(caller: Caller, query: str, field: str) -> None:
    answer = caller.get(f"credentials?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {field}


@pytest.mark.parametrize("count", [1, 20])
def test_a_list_takes_four_queries(
    caller: Caller, acme: Account, django_assert_num_queries: Any, count: int
) -> None:
    for _ in range(count):
        add(factories.credential(acme))
    caller.get("credentials")
    # The key, the count, the rows with person and type, the installed passes with their keys.
    with django_assert_num_queries(4):
        assert len(caller.get("credentials").json()) == count


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_another_account_finds_nothing(caller: Caller, stranger: Caller, acme: Account, method: str) -> None:
    credential = factories.credential(acme)
    for path in (
        f"credentials/{credential.public_id}",
        f"people/{credential.person_id}/credentials/{credential.public_id}",
    ):
        answer = stranger.call(method, path, {})
        unknown = stranger.call(method, path.replace(credential.public_id, "nobody"), {})
        assert answer.status_code == unknown.status_code == 404
        assert {**answer.json(), "instance": ""} == {**unknown.json(), "instance": ""}
    credential.refresh_from_db()
    assert credential.revoked_at is None


def test_below_another_person_a_credential_is_not_found(caller: Caller, acme: Account) -> None:
    credential, other = factories.credential(acme), factories.person(acme)
    for method in ("GET", "PATCH", "DELETE"):
        path = f"people/{other.pk}/credentials/{credential.public_id}"
        assert caller.call(method, path, {}).status_code == 404


def test_what_a_deleted_person_held_stays_readable(caller: Caller, acme: Account) -> None:
    credential = factories.credential(acme)
    caller.delete(f"people/{credential.person_id}")
    assert caller.get(f"credentials/{credential.public_id}").json()["status"] == "revoked"
    assert caller.get(f"people/{credential.person_id}/credentials").status_code == 404


@pytest.mark.parametrize("credential_id", ["nobody", "0", "a" * 24, "a" * 25, "a%00", "a-b", "%F0%9F%9A%AA"])
def test_an_id_of_nothing_finds_nothing(caller: Caller, credential_id: str) -> None:
    answer = caller.get(f"credentials/{credential_id}")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"

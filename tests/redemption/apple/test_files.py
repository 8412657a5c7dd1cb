"""The file of a pass: what it says of whom and of itself, and for whom and how long it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from pytest_django import Settings

from credentials import designs, lifecycle, people, tokens
from credentials.errors import Gone, NotFound, Unavailable
from credentials.models import Account, Credential, CredentialType, Person, WalletPass
from credentials.values import value_of
from redemption import access, claims
from redemption.apple import files
from redemption.models import AppleIdentity, ApplePass
from tests import factories
from tests.fakes import pki
from tests.redemption.standings import every_row, install

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)

Reader = Callable[[bytes], dict[str, Any]]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """It is noon; and no design of another test, whose row may have had the same number, is remembered."""
    files.prepared_design.cache_clear()
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def ada(acme: Account) -> Person:
    return factories.person(
        acme, first_name="Ada", last_name="Lovelace", system_id="m-1", email="ada@example.org"
    )


@pytest.fixture
def token(acme: Account, acme_identity: AppleIdentity, ada: Person) -> str:
    """The secret of a URL that was claimed a moment ago."""
    kind = factories.credential_type(acme, label="Gold card")
    secret = factories.url_token(factories.credential_and_url(acme, holder=ada, credential_type=kind)[1])
    claims.claim_apple(secret)
    return secret


def offered(token: str, serial_number: str | None = None) -> bytes:
    serial_number = WalletPass.objects.latest("id").serial_number if serial_number is None else serial_number
    return files.offered_file(access.visit(token), token=token, serial_number=serial_number)


def packed() -> bytes:
    """The pass as its devices get it now."""
    return files.pack(ApplePass.objects.get(), authentication_token="a-token-of-a-device")


def test_the_file_is_of_its_pass_and_leads_back_to_us(token: str, read: Reader, settings: Settings) -> None:
    settings.BASE_URL = "https://passes.example"
    wallet_pass = WalletPass.objects.get()
    shown = read(offered(token))
    assert shown["serialNumber"] == wallet_pass.serial_number
    assert shown["authenticationToken"] == tokens.first_authentication_token(
        token, serial_number=wallet_pass.serial_number
    )
    assert (shown["passTypeIdentifier"], shown["teamIdentifier"]) == (pki.PASS_TYPE, pki.TEAM)
    assert shown["webServiceURL"] == "https://passes.example/apple"
    assert shown["barcodes"][0]["message"] == value_of(wallet_pass)
    assert (shown["organizationName"], shown["description"]) == ("Acme Gym", "Gold card")
    assert not shown.get("voided")


def test_the_file_names_its_holder_where_the_design_asks_for_it(
    acme: Account, acme_identity: AppleIdentity, ada: Person, read: Reader
) -> None:
    placeholders = ("first_name", "last_name", "full_name", "email", "system_id", "label")
    fields = [{"area": "back", "key": name, "label": name, "value": f"<{{{name}}}>"} for name in placeholders]
    kind = factories.credential_type(acme, label="Gold card", fields=fields)
    secret = factories.url_token(factories.credential_and_url(acme, holder=ada, credential_type=kind)[1])
    claims.claim_apple(secret)
    back = {field["key"]: field["value"] for field in read(offered(secret))["generic"]["backFields"]}
    assert [back[name] for name in placeholders] == [
        "<Ada>",
        "<Lovelace>",
        "<Ada Lovelace>",
        "<ada@example.org>",
        "<m-1>",
        "<Gold card>",
    ]


def test_fetching_writes_nothing(token: str) -> None:
    before = every_row()
    assert offered(token)
    assert every_row() == before


@pytest.mark.parametrize("serial", ["", "0" * 32, "%", "a/b", "a\0b", "é" * 40])
def test_another_serial_is_not_found(token: str, serial: str) -> None:
    with pytest.raises(NotFound):
        offered(token, serial)


def test_another_credentials_file_is_not_found(token: str, acme: Account) -> None:
    mine = WalletPass.objects.get().serial_number
    other = factories.url_token(factories.credential_and_url(acme)[1])
    claims.claim_apple(other)
    assert offered(token, mine)
    with pytest.raises(NotFound):
        offered(other, mine)


def test_a_file_is_there_for_ten_minutes(token: str, clock: time_machine.Traveller) -> None:
    clock.shift(timedelta(minutes=10) - INSTANT)
    assert offered(token)
    clock.shift(INSTANT)
    with pytest.raises(Gone):
        offered(token)


def suspend(credential: Credential) -> None:
    lifecycle.suspend(credential, actor="test")


def revoke(credential: Credential) -> None:
    lifecycle.revoke(credential, actor="test")


@pytest.mark.parametrize("change", [install, suspend, revoke])
def test_a_file_goes_with_what_it_was_offered_for(token: str, change: Callable[[Credential], None]) -> None:
    serial = WalletPass.objects.get().serial_number
    change(Credential.objects.get())
    with pytest.raises(Gone):
        offered(token, serial)


def test_without_a_certificate_there_is_no_file(token: str) -> None:
    AppleIdentity.objects.update(not_after=NOON)
    with pytest.raises(Unavailable):
        offered(token)


@pytest.mark.parametrize(
    ("credential", "person", "expected"),
    [
        (None, None, None),
        (5, None, "2026-06-06T12:00:00Z"),
        (None, 5, "2026-06-06T12:00:00Z"),
        (5, 9, "2026-06-06T12:00:00Z"),
        (9, 5, "2026-06-06T12:00:00Z"),
    ],
)
def test_the_earlier_of_two_ends_is_the_end_of_the_pass(
    token: str, read: Reader, credential: int | None, person: int | None, expected: str | None
) -> None:
    ends = [None if days is None else NOON + timedelta(days=days) for days in (credential, person)]
    Credential.objects.update(expires_at=ends[0])
    Person.objects.update(valid_to=ends[1])
    shown = read(packed()).get("expirationDate")
    assert (shown and datetime.fromisoformat(shown)) == (expected and datetime.fromisoformat(expected))


def test_a_changed_design_is_in_the_next_file(token: str, read: Reader) -> None:
    assert read(packed())["foregroundColor"] == "rgb(255, 255, 255)"
    designs.update_credential_type(CredentialType.objects.get(), foreground_color="#ff0000", actor="test")
    assert read(packed())["foregroundColor"] == "rgb(255, 0, 0)"


def test_an_account_that_is_renamed_is_so_in_the_next_file(token: str, read: Reader) -> None:
    assert read(packed())["organizationName"] == "Acme Gym"
    Account.objects.update(name="Acme Fitness")
    assert read(packed())["organizationName"] == "Acme Fitness"


def test_a_holder_who_is_renamed_is_so_in_the_next_file(token: str, read: Reader, ada: Person) -> None:
    assert read(packed())["generic"]["primaryFields"][0]["value"] == "Ada Lovelace"
    people.update_person(ada, last_name="King", actor="test")
    assert read(packed())["generic"]["primaryFields"][0]["value"] == "Ada King"


def test_a_design_is_prepared_once(token: str) -> None:
    for _ in range(3):
        packed()
    prepared = files.prepared_design.cache_info()
    assert (prepared.misses, prepared.hits) == (1, 2)

"""A credential as others see it: these members, in this order, and no secret among them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from credentials import lifecycle
from credentials.models import Account, Credential
from credentials.snapshots import snapshot
from credentials.states import Wallet
from credentials.timestamps import rfc3339
from credentials.values import value_of
from tests import factories
from tests.redemption.standings import install

MEMBERS = [
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


def shown(credential: Credential) -> dict[str, object]:
    credential = Credential.objects.with_installed_pass().get(pk=credential.pk)
    return snapshot(credential, installed=credential.installed_pass)


def test_it_has_the_members_of_the_contract_in_their_order(acme: Account) -> None:
    credential = factories.credential(acme)
    assert list(shown(credential)) == MEMBERS
    assert json.loads(json.dumps(shown(credential))) == shown(credential)


def test_it_tells_what_is_known(acme: Account) -> None:
    kind = factories.credential_type(acme, label="Gold card")
    credential = factories.credential(acme, credential_type=kind)
    facts = shown(credential)
    assert facts["id"] == credential.public_id
    assert (facts["person_id"], facts["credential_type_id"]) == (credential.person_id, kind.pk)
    assert (facts["label"], facts["status"], facts["wallet_type"], facts["devices"]) == (
        "Gold card",
        "invited",
        None,
        0,
    )
    assert facts["invited_at"] == rfc3339(credential.invited_at)


@pytest.mark.parametrize("wallet", list(Wallet))
def test_it_tells_of_the_wallet_but_not_of_the_value(acme: Account, wallet: Wallet) -> None:
    credential, url = factories.credential_and_url(acme)
    install(credential, wallet=wallet)
    facts = shown(credential)
    assert (facts["status"], facts["wallet_type"], facts["devices"]) == ("added_to_wallet", wallet, 1)
    assert facts["added_to_wallet_at"] is not None
    text = json.dumps(facts)
    wallet_pass = credential.wallet_passes.get()
    for secret in (value_of(wallet_pass), wallet_pass.serial_number, factories.url_token(url)):
        assert secret not in text


def test_what_was_revoked_is_in_no_wallet(acme: Account) -> None:
    credential = factories.credential(acme)
    install(credential)
    lifecycle.revoke(credential, actor="test")
    facts = shown(credential)
    assert (facts["status"], facts["wallet_type"], facts["devices"]) == ("revoked", None, 0)
    assert facts["revoked_at"] is not None


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (None, None),
        (datetime(2026, 6, 1, 12, tzinfo=UTC), "2026-06-01T12:00:00.000Z"),
        (datetime(2026, 6, 1, 12, 0, 0, 123_999, tzinfo=UTC), "2026-06-01T12:00:00.123Z"),
        (datetime(2026, 6, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2026-05-31T23:00:00.000Z"),
    ],
)
def test_times_are_written_in_utc_with_milliseconds(moment: datetime | None, written: str | None) -> None:
    assert rfc3339(moment) == written

"""`value_totp`: what a scanner needs to check a rotating barcode, and nobody else gets to see."""

from __future__ import annotations

import json

import pytest
from django.db import transaction

from credentials import lifecycle
from credentials.models import Account, Credential, Event, IdempotentRequest, WalletPass
from credentials.states import Evidence, Wallet
from credentials.values import totp_key_of
from tests import factories
from tests.callers import Caller
from webhooks.models import Delivery


def add(account: Account, *, wallet: Wallet = Wallet.GOOGLE, **design: object) -> WalletPass:
    """A pass in a wallet, of a design whose barcode rotates."""
    kind = factories.credential_type(account, **{"google_rotating_barcode": True, **design})
    offer = factories.wallet_pass(factories.credential(account, credential_type=kind), wallet=wallet)
    with transaction.atomic():
        held = WalletPass.objects.held().get(pk=offer.pk)
        lifecycle.add_to_wallet(held, devices=1, by=Evidence.CALLBACK, actor="google")
    return held


def test_a_scanner_learns_how_the_code_is_made(caller: Caller, acme: Account) -> None:
    installed = add(acme)
    shown = caller.get(f"credentials/{installed.credential.public_id}").json()
    assert shown["value_totp"] == {
        "key": totp_key_of(installed),
        "algorithm": "SHA1",
        "period": 30,
        "digits": 8,
    }
    assert caller.get("credentials").json() == [shown]


@pytest.mark.parametrize(
    ("wallet", "design"),
    [(Wallet.APPLE, {}), (Wallet.GOOGLE, {"google_rotating_barcode": False})],
    ids=["Apple rotates nothing", "a design that stays"],
)
def test_a_barcode_that_stays_has_no_code(
    caller: Caller, acme: Account, wallet: Wallet, design: dict[str, object]
) -> None:
    installed = add(acme, wallet=wallet, **design)
    shown = caller.get(f"credentials/{installed.credential.public_id}").json()
    assert (shown["value"] is None, shown["value_totp"]) == (False, None)


def test_without_a_pass_in_a_wallet_there_is_no_code(caller: Caller, acme: Account) -> None:
    kind = factories.credential_type(acme, google_rotating_barcode=True)
    credential = factories.credential(acme, credential_type=kind)
    factories.wallet_pass(credential, wallet=Wallet.GOOGLE)
    assert caller.get(f"credentials/{credential.public_id}").json()["value_totp"] is None


def test_the_key_is_kept_nowhere(caller: Caller, acme: Account) -> None:
    installed = add(acme)
    key = totp_key_of(installed)
    path = f"credentials/{installed.credential.public_id}"
    first, again = (caller.post(f"{path}/suspend", Idempotency_Key="once").json() for _ in range(2))
    assert (first["value_totp"]["key"], again["value_totp"]) == (key, None)
    body = {
        "person_id": installed.credential.person_id,
        "credential_type_id": installed.credential.credential_type_id,
    }
    refused, again = (caller.post("credentials", body, Idempotency_Key="held") for _ in range(2))
    assert (refused.status_code, again.status_code) == (409, 409)
    assert refused.json()["credential"]["value_totp"]["key"] == key
    assert again.json()["credential"]["value_totp"] is None
    rows = [
        list(model._base_manager.values())
        for model in (Credential, WalletPass, Event, Delivery, IdempotentRequest)
    ]
    assert key not in json.dumps(rows, default=str)

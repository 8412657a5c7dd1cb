"""What a scanner reads off a pass: one value a pass, from one key an account, made once."""

from __future__ import annotations

import pytest
from django.db import models

from credentials import tokens, values
from credentials.encryption import Undecryptable, encrypt
from credentials.models import Account, ValueKey, WalletPass
from credentials.states import Wallet
from tests import factories
from tests.credentials.simultaneous import at_once


def test_every_pass_has_a_value_of_its_own_that_stays(acme: Account) -> None:
    credential = factories.credential(acme)
    passes = [factories.wallet_pass(credential) for _ in range(3)]
    shown = [values.value_of(each) for each in passes]
    assert len(set(shown)) == 3
    assert [values.value_of(WalletPass.objects.get(pk=each.pk)) for each in passes] == shown


def test_the_same_serial_means_something_else_to_another_account(acme: Account, globex: Account) -> None:
    ours, theirs = (values.current_value_key(account) for account in (acme, globex))
    assert values.value_of(WalletPass(serial_number="0", value_key=ours)) != values.value_of(
        WalletPass(serial_number="0", value_key=theirs)
    )


def test_neither_value_nor_key_is_stored(acme: Account) -> None:
    wallet_pass = factories.wallet_pass(factories.credential(acme))
    shown = values.value_of(wallet_pass)
    columns = [field for model in (WalletPass, ValueKey) for field in model._meta.fields]
    stored = [model._base_manager.values_list().get() for model in (WalletPass, ValueKey)]
    assert shown not in repr(stored)
    assert [field.name for field in columns if isinstance(field, models.BinaryField)] == ["secret"]


def test_the_newest_key_is_for_new_passes_and_the_former_for_theirs(acme: Account) -> None:
    first = factories.wallet_pass(factories.credential(acme))
    before = values.value_of(first)
    secret = encrypt(tokens.mint_value_secret(), purpose=f"value key {acme.pk}:2")
    second_key = ValueKey.objects.create(account=acme, version=2, secret=secret)
    assert values.current_value_key(acme) == second_key
    assert values.value_of(WalletPass.objects.get(pk=first.pk)) == before
    assert values.value_of(WalletPass(serial_number=first.serial_number, value_key=second_key)) != before


def test_a_key_that_was_swapped_with_another_accounts_is_refused(acme: Account, globex: Account) -> None:
    ours, theirs = (values.current_value_key(account) for account in (acme, globex))
    ours.secret = theirs.secret
    with pytest.raises(Undecryptable):
        values.value_of(WalletPass(serial_number="0", value_key=ours))


@pytest.mark.django_db(transaction=True)
def test_all_who_need_the_first_key_at_once_get_the_same(acme: Account) -> None:
    keys = at_once([lambda: values.current_value_key(acme)] * 8)
    assert set(keys) == {ValueKey.objects.get(account=acme)}


def test_every_pass_has_a_key_for_its_codes_that_stays(acme: Account, globex: Account) -> None:
    credential = factories.credential(acme)
    passes = [factories.wallet_pass(credential) for _ in range(2)]
    keys = [values.totp_key_of(each) for each in passes]
    assert len({*keys, *(values.value_of(each) for each in passes)}) == 4
    assert [values.totp_key_of(WalletPass.objects.get(pk=each.pk)) for each in passes] == keys
    # 160 bits in the alphabet that Google reads.
    assert all(len(bytes.fromhex(key)) == 20 and key == key.upper() for key in keys)
    theirs = WalletPass(serial_number=passes[0].serial_number, value_key=values.current_value_key(globex))
    assert values.totp_key_of(theirs) != keys[0]


def test_a_key_does_not_show_where_it_is_printed(acme: Account) -> None:
    kind = factories.credential_type(acme, google_rotating_barcode=True)
    credential = factories.credential(acme, credential_type=kind)
    totp = values.totp_of(factories.wallet_pass(credential, wallet=Wallet.GOOGLE))
    assert totp is not None
    assert totp.key not in repr(totp)

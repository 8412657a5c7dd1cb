"""Devices that Apple or the clock take away, while others come."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test import Client

from credentials import doorbell, lifecycle
from credentials.models import Account, Event, WalletPass
from credentials.states import PassState, State
from redemption.apple import registrations
from redemption.models import AppleDevice, AppleIdentity, ApplePass, AppleRegistration
from tests import factories
from tests.credentials.simultaneous import at_once
from tests.redemption.apple.claimed import PHONE, WATCH, Claimed, claim, claim_url, listed, register

on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer: nothing waits for a row"
)


@pytest.fixture
def installed(client: Client, acme: Account, acme_identity: AppleIdentity) -> Claimed:
    """A pass on a phone."""
    claimed = claim(acme)
    register(client, claimed)
    return claimed


def phone() -> AppleDevice:
    return AppleDevice.objects.get(device_library_identifier=PHONE)


def held(claimed: Claimed) -> WalletPass:
    return WalletPass.objects.held().get(pk=claimed.wallet_pass.pk)


def test_a_device_that_is_gone_gives_back_every_pass_it_had(
    client: Client, installed: Claimed, acme: Account
) -> None:
    second = claim(acme)
    register(client, second)
    registrations.forget_devices([phone()])
    for claimed in (installed, second):
        claimed.reload()
        assert claimed.credential.state == State.REMOVED_FROM_WALLET
        assert claimed.wallet_pass.state == PassState.REMOVED
    assert not AppleRegistration.objects.exists()
    assert Event.objects.filter(type="credential.removed_from_wallet", actor="apple").count() == 2


def test_forgetting_nobody_changes_nothing(installed: Claimed) -> None:
    events = Event.objects.count()
    registrations.forget_devices([])
    assert AppleRegistration.objects.count() == 1
    assert Event.objects.count() == events


def test_a_registration_that_is_gone_already_is_no_second_report(installed: Claimed) -> None:
    with transaction.atomic():
        registrations.drop(AppleRegistration.objects.get(), wallet_pass=held(installed))
    with transaction.atomic():
        registrations.drop(None, wallet_pass=held(installed))
    assert Event.objects.filter(type="credential.removed_from_wallet").count() == 1


def test_only_a_device_without_passes_is_idle(client: Client, installed: Claimed, acme: Account) -> None:
    register(client, installed, WATCH)
    assert registrations.forget_idle_devices() == 0
    client.delete(installed.registration(), headers=installed.authorization)
    assert registrations.forget_idle_devices() == 1
    assert AppleDevice.objects.get().device_library_identifier == WATCH


def test_a_device_keeps_one_row_for_all_its_passes(client: Client, installed: Claimed, acme: Account) -> None:
    second = claim(acme)
    assert register(client, second).status_code == 201
    assert AppleDevice.objects.count() == 1
    assert AppleRegistration.objects.count() == 2


def test_a_removed_pass_that_comes_back_too_late_is_voided_and_told(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    credential, url = factories.credential_and_url(acme)
    former = claim_url(credential, url)
    register(client, former)
    client.delete(former.registration(), headers=former.authorization)
    latter = claim_url(credential, url)
    register(client, latter, WATCH)
    ApplePass.objects.update(update_tag=7)
    AppleDevice.objects.update(push_due_at=None)
    doorbell.wait(registrations.PUSH, timeout=0)
    assert register(client, former).status_code == 201
    former.reload()
    latter.reload()
    assert (former.wallet_pass.state, latter.wallet_pass.state) == (PassState.VOIDED, PassState.INSTALLED)
    assert ApplePass.objects.get(pk=former.wallet_pass.pk).update_tag is None
    assert phone().push_due_at is not None


def test_a_phone_without_a_tag_fetches_a_lost_pass_at_the_push(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    credential, url = factories.credential_and_url(acme)
    lost = claim_url(credential, url)
    WalletPass.objects.update(state=PassState.VOIDED)
    register(client, lost)
    # Of its first list a phone keeps the tag only, since it has just got the file.
    tag = listed(client).json()["lastUpdated"]
    assert listed(client, since=tag).json()["serialNumbers"] == [lost.wallet_pass.serial_number]


def test_what_changed_before_it_was_added_is_told(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    claimed = claim(acme)
    lifecycle.suspend(claimed.credential, actor="test")
    register(client, claimed)
    assert phone().push_due_at is not None
    tag = listed(client).json()["lastUpdated"]
    assert listed(client, since=tag).status_code == 200


def test_what_changed_while_it_was_removed_is_told(client: Client, installed: Claimed) -> None:
    for order in (None, lifecycle.suspend):
        client.delete(installed.registration(), headers=installed.authorization)
        if order:
            order(installed.credential, actor="test")
        AppleDevice.objects.update(push_due_at=None)
        register(client, installed)
        assert (phone().push_due_at is not None) == (order is not None)


def test_who_registers_again_for_a_lost_pass_is_not_told_again(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    credential, url = factories.credential_and_url(acme)
    lost = claim_url(credential, url)
    WalletPass.objects.update(state=PassState.VOIDED)
    assert register(client, lost).status_code == 201
    AppleDevice.objects.update(push_due_at=None)
    assert register(client, lost).status_code == 200
    assert phone().push_due_at is None


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_device_that_registers_meanwhile_is_not_idle(
    client: Client, installed: Claimed, acme: Account
) -> None:
    client.delete(installed.registration(), headers=installed.authorization)
    with transaction.atomic():
        AppleDevice.objects.select_for_update().get()
        assert at_once([registrations.forget_idle_devices]) == [0]
    assert AppleDevice.objects.count() == 1
    assert registrations.forget_idle_devices() == 1


@pytest.mark.django_db(transaction=True)
def test_a_phone_may_go_from_both_sides_at_once(client: Client, installed: Claimed) -> None:
    def unregister() -> object:
        return client.delete(installed.registration(), headers=installed.authorization).status_code

    def forget() -> None:
        registrations.forget_devices([phone()])

    assert at_once([unregister, forget, unregister]) == [200, None, 200]
    installed.reload()
    assert installed.credential.state == State.REMOVED_FROM_WALLET
    assert Event.objects.filter(type="credential.removed_from_wallet").count() == 1

"""Owing and delivering pushes: what is due, what Apple answers, and what is left when nobody answers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from credentials import lifecycle, people
from credentials.models import Account, Credential, CredentialType, Event, WalletPass
from credentials.states import State
from redemption import refresh
from redemption.apple import push, registrations
from redemption.models import AppleDevice, AppleIdentity, ApplePass, ApplePassType, AppleRegistration
from tests import factories
from tests.fakes import pki
from tests.fakes.apns import Answer, FakeApns, Fault
from tests.redemption.apple.claimed import PHONE, PUSH_TOKEN, WATCH, Claimed, claim, claim_url, register


@pytest.fixture
def installed(client: Client, acme: Account, acme_identity: AppleIdentity) -> Claimed:
    """A pass on a phone."""
    claimed = claim(acme)
    register(client, claimed)
    return claimed


def phone() -> AppleDevice:
    return AppleDevice.objects.get(device_library_identifier=PHONE)


def test_a_revocation_reaches_the_phone(installed: Claimed, apns: FakeApns) -> None:
    lifecycle.revoke(installed.credential, actor="test")
    assert push.push_due() == 1
    assert [(sent.token, sent.headers["apns-topic"]) for sent in apns.pushes] == [(PUSH_TOKEN, pki.PASS_TYPE)]
    assert phone().push_due_at is None
    assert push.push_due() == 0


def test_every_device_of_a_pass_is_pushed_once(client: Client, installed: Claimed, apns: FakeApns) -> None:
    register(client, installed, WATCH, "cd" * 32)
    lifecycle.suspend(installed.credential, actor="test")
    lifecycle.resume(installed.credential, actor="test")
    assert push.push_due() == 2
    assert sorted(sent.token for sent in apns.pushes) == [PUSH_TOKEN, "cd" * 32]


def test_a_second_change_waits_for_the_quiet_time(installed: Claimed, apns: FakeApns) -> None:
    lifecycle.suspend(installed.credential, actor="test")
    push.push_due()
    lifecycle.resume(installed.credential, actor="test")
    assert push.push_due() == 0
    due = phone().push_due_at
    assert due is not None
    assert timedelta(seconds=50) < due - timezone.now() <= timedelta(seconds=60)


def test_a_revocation_does_not_wait(installed: Claimed, apns: FakeApns) -> None:
    lifecycle.suspend(installed.credential, actor="test")
    push.push_due()
    lifecycle.revoke(installed.credential, actor="test")
    assert push.push_due() == 1


def test_disabling_a_person_reaches_every_phone_they_have(installed: Claimed, apns: FakeApns) -> None:
    people.update_person(installed.credential.person, enabled=False, actor="test")
    assert push.push_due() == 1


@pytest.mark.parametrize(
    ("column", "value", "pushes"),
    [
        ("last_name", "King", 1),
        ("valid_to", timezone.now() + timedelta(days=1), 1),
        ("email", "countess@example.org", 0),
        ("system_id", "elsewhere", 0),
    ],
    ids=["a name", "an end", "an address", "an id"],
)
def test_only_what_the_pass_shows_of_a_person_is_pushed(
    installed: Claimed, apns: FakeApns, column: str, value: object, pushes: int
) -> None:
    people.update_person(installed.credential.person, actor="test", **{column: value})
    assert push.push_due() == pushes


def test_a_pass_that_had_lost_before_is_not_pushed_again(
    client: Client, acme: Account, acme_identity: AppleIdentity, apns: FakeApns
) -> None:
    credential, url = factories.credential_and_url(acme)
    loser = claim_url(credential, url)
    WalletPass.objects.update(offered_at=timezone.now() - timedelta(minutes=11))
    register(client, claim_url(credential, url))
    register(client, loser, "other-phone-000", "cd" * 32)
    assert push.push_due() == 1
    lifecycle.revoke(credential, actor="test")
    assert push.push_due() == 1
    assert [sent.token for sent in apns.pushes] == ["cd" * 32, PUSH_TOKEN]


def test_a_change_that_shows_nowhere_pushes_nobody(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    unregistered = claim(acme)
    lifecycle.suspend(unregistered.credential, actor="test")
    assert push.push_due() == 0


@pytest.mark.parametrize(
    ("outcome", "least", "most"),
    [
        (Answer(503, "ServiceUnavailable"), 800, 900),
        (Answer(500, "InternalServerError"), 800, 900),
        (Answer(429, "TooManyRequests"), 800, 900),
        (Fault.DROP, 3, 6),
    ],
)
def test_what_failed_is_tried_again_later(
    installed: Claimed, apns: FakeApns, outcome: Answer | Fault, least: int, most: int
) -> None:
    apns.script(PUSH_TOKEN, [outcome] * 2)
    lifecycle.revoke(installed.credential, actor="test")
    push.push_due()
    device = phone()
    assert device.push_attempts == 1
    assert device.push_due_at is not None
    assert least < (device.push_due_at - timezone.now()).total_seconds() < most


def test_every_failure_waits_longer(installed: Claimed, apns: FakeApns) -> None:
    apns.script(PUSH_TOKEN, [Answer(503, "ServiceUnavailable")] * 3)
    lifecycle.revoke(installed.credential, actor="test")
    waits = []
    for _ in range(3):
        AppleDevice.objects.update(push_due_at=timezone.now())
        push.push_due()
        due = phone().push_due_at
        assert due is not None
        waits.append(round((due - timezone.now()).total_seconds() / 900))
    assert waits == [1, 2, 4]


def test_without_a_network_the_work_waits(installed: Claimed, settings: Settings) -> None:
    settings.APNS_URL = "https://127.0.0.1:9"
    lifecycle.revoke(installed.credential, actor="test")
    push.push_due()
    push.close_connections()
    device = phone()
    assert device.push_due_at is not None
    assert device.push_due_at > timezone.now()


def test_a_phone_that_is_gone_gives_the_pass_back(installed: Claimed, apns: FakeApns) -> None:
    apns.script(PUSH_TOKEN, [Answer(410, "Unregistered", timestamp=milliseconds(minutes=1))])
    AppleDevice.objects.update(push_due_at=timezone.now())
    push.push_due()
    installed.reload()
    assert installed.credential.state == State.REMOVED_FROM_WALLET
    assert not AppleRegistration.objects.exists()


def test_a_registration_newer_than_the_410_stays(installed: Claimed, apns: FakeApns) -> None:
    apns.script(PUSH_TOKEN, [Answer(410, "Unregistered", timestamp=milliseconds(minutes=-5))])
    AppleDevice.objects.update(push_due_at=timezone.now())
    push.push_due()
    installed.reload()
    assert installed.credential.state == State.ADDED_TO_WALLET
    assert phone().push_due_at is not None


def test_a_bad_token_is_dropped(installed: Claimed, apns: FakeApns) -> None:
    apns.script(PUSH_TOKEN, [Answer(400, "BadDeviceToken")])
    AppleDevice.objects.update(push_due_at=timezone.now())
    push.push_due()
    installed.reload()
    assert installed.credential.state == State.REMOVED_FROM_WALLET


def test_a_refused_certificate_stops_the_pass_type_until_the_next(
    installed: Claimed, apns: FakeApns, caplog: pytest.LogCaptureFixture
) -> None:
    apns.script(PUSH_TOKEN, [Answer(403, "BadCertificate")])
    lifecycle.revoke(installed.credential, actor="test")
    push.push_due()
    pass_type = ApplePassType.objects.get()
    assert pass_type.push_refused_at is not None
    assert pass_type.push_refusal == "BadCertificate"
    assert "stopped" in caplog.text
    assert push.push_due() == 0
    # A new certificate takes the refusal back, and the push that was owed all along goes out.
    ApplePassType.objects.update(push_refused_at=None)
    assert push.push_due() == 1


def test_without_a_valid_certificate_pushes_stop(installed: Claimed, apns: FakeApns) -> None:
    AppleIdentity.objects.update(not_after=timezone.now())
    lifecycle.revoke(installed.credential, actor="test")
    push.push_due()
    assert ApplePassType.objects.get().push_refused_at is not None
    assert not apns.pushes


def test_a_push_that_should_not_have_been_sent_is_reported_and_ends(
    installed: Claimed, apns: FakeApns, caplog: pytest.LogCaptureFixture
) -> None:
    apns.script(PUSH_TOKEN, [Answer(404, "BadPath")])
    lifecycle.revoke(installed.credential, actor="test")
    push.push_due()
    assert "BadPath" in caplog.text
    assert phone().push_due_at is None


def test_a_change_during_a_push_is_pushed_again(installed: Claimed, apns: FakeApns) -> None:
    lifecycle.suspend(installed.credential, actor="test")
    pass_type = ApplePassType.objects.get()
    [leased] = push._lease(pass_type)
    lifecycle.resume(installed.credential, actor="test")
    push._settle(leased, pushed_at=timezone.now())
    assert phone().push_due_at is not None


def test_a_pusher_that_died_leaves_its_devices_due(installed: Claimed, apns: FakeApns) -> None:
    lifecycle.revoke(installed.credential, actor="test")
    push._lease(ApplePassType.objects.get())
    assert push.push_due() == 0
    AppleDevice.objects.update(push_due_at=timezone.now() - timedelta(seconds=1))
    assert push.push_due() == 1


def test_a_changed_design_reaches_the_phones_once(installed: Claimed, apns: FakeApns) -> None:
    kind = installed.credential.credential_type
    CredentialType.objects.filter(pk=kind.pk).update(version=2)
    assert refresh.mark_designs() == 1
    assert refresh.mark_designs() == 0
    assert push.push_due() == 1


@pytest.mark.parametrize("column", ["valid_from", "valid_to"])
def test_a_person_whose_time_begins_or_ends_is_shown_so(
    installed: Claimed, apns: FakeApns, column: str
) -> None:
    person = installed.credential.person
    ApplePass.objects.update(modified_at=timezone.now() - timedelta(hours=1))
    setattr(person, column, timezone.now() - timedelta(minutes=1))
    person.save()
    assert refresh.mark_validity(now=timezone.now()) == 1
    assert refresh.mark_validity(now=timezone.now()) == 0
    assert push.push_due() == 1


def test_devices_without_passes_are_forgotten(client: Client, installed: Claimed) -> None:
    assert registrations.forget_idle_devices() == 0
    client.delete(installed.registration(), headers=installed.authorization)
    assert registrations.forget_idle_devices() == 1
    assert not AppleDevice.objects.exists()


def test_forgetting_a_phone_spares_the_others(client: Client, installed: Claimed) -> None:
    register(client, installed, WATCH, "cd" * 32)
    registrations.forget_devices([phone()])
    installed.reload()
    assert (installed.credential.state, installed.wallet_pass.devices) == (State.ADDED_TO_WALLET, 1)
    assert not Event.objects.filter(type="credential.removed_from_wallet").exists()
    assert Credential.objects.count() == 1


def milliseconds(*, minutes: float) -> int:
    return int((timezone.now() + timedelta(minutes=minutes)).timestamp() * 1000)

"""What the clock does for the wallets, seen from outside."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from credentials.models import Account, CredentialType, Person
from redemption import tasks
from redemption.models import AppleDevice, AppleIdentity, AppleLog, ApplePass
from tests.fakes.apns import FakeApns
from tests.redemption.apple.claimed import PUSH_TOKEN, Claimed, claim, register


@pytest.fixture
def installed(client: Client, acme: Account, acme_identity: AppleIdentity) -> Claimed:
    """A pass on a phone, which has not changed for an hour."""
    claimed = claim(acme)
    register(client, claimed)
    ApplePass.objects.update(modified_at=timezone.now() - timedelta(hours=1))
    return claimed


def test_a_changed_design_reaches_the_phone(installed: Claimed, apns: FakeApns) -> None:
    CredentialType.objects.update(version=2)
    tasks.push_due.run()
    assert apns.pushes == []
    tasks.refresh_passes.run()
    tasks.push_due.run()
    assert [push.token for push in apns.pushes] == [PUSH_TOKEN]


def test_the_end_of_a_persons_time_reaches_the_phone(installed: Claimed, apns: FakeApns) -> None:
    Person.objects.update(valid_to=timezone.now())
    tasks.refresh_passes.run()
    tasks.push_due.run()
    tasks.refresh_passes.run()
    tasks.push_due.run()
    assert [push.token for push in apns.pushes] == [PUSH_TOKEN]


def test_an_account_hears_once_that_its_certificate_ends(acme: Account, acme_identity: AppleIdentity) -> None:
    Account.objects.update(contact_email="admin@acme.example")
    AppleIdentity.objects.update(not_after=timezone.now() + timedelta(days=29))
    tasks.warn_of_expiry.run()
    tasks.warn_of_expiry.run()
    assert [message.to for message in mail.outbox] == [["admin@acme.example"]]


def test_old_lines_of_devices_are_forgotten(db: None) -> None:
    kept, old = (AppleLog.objects.create(message=name) for name in ("kept", "old"))
    AppleLog.objects.filter(pk=kept.pk).update(received_at=timezone.now() - timedelta(days=29))
    AppleLog.objects.filter(pk=old.pk).update(received_at=timezone.now() - timedelta(days=31))
    tasks.tidy_up.run()
    assert list(AppleLog.objects.all()) == [kept]


def test_devices_are_forgotten_with_their_last_pass(client: Client, installed: Claimed) -> None:
    tasks.tidy_up.run()
    assert AppleDevice.objects.count() == 1
    client.delete(installed.registration(), headers=installed.authorization)
    tasks.tidy_up.run()
    assert AppleDevice.objects.count() == 0

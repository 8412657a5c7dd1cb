"""How rows are called in the admin, and what the database itself refuses of them."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.test import Client

from credentials.models import Account
from redemption.models import (
    AppleAuthenticationToken,
    AppleDevice,
    AppleIdentity,
    AppleLog,
    ApplePass,
    ApplePassType,
    AppleRegistration,
    GoogleIssuer,
)
from tests.fakes.pki import PASS_TYPE
from tests.redemption.apple.claimed import claim, register


@pytest.fixture
def installed(client: Client, acme: Account, acme_identity: AppleIdentity) -> None:
    """A pass on a phone, with a row of every kind."""
    register(client, claim(acme))
    AppleLog.objects.create(message="it rained")
    GoogleIssuer.objects.create(account=acme, issuer_id="3388000000012345678")


def test_rows_are_called_by_what_people_know_of_them(installed: None) -> None:
    assert str(ApplePassType.objects.get()) == PASS_TYPE
    assert str(AppleIdentity.objects.get()) == f"{PASS_TYPE} until 2049-12-31"
    assert str(AppleLog.objects.get()) == "it rained"
    assert str(GoogleIssuer.objects.get()) == "3388000000012345678"
    for model in (ApplePass, AppleDevice, AppleRegistration):
        row = model._base_manager.get()
        assert str(row).endswith(f" {row.pk}")
    assert str(AppleAuthenticationToken.objects.get()) == "authentication token 0"


def test_a_device_has_one_row_a_pass_type_and_one_registration_a_pass(installed: None) -> None:
    for row in (AppleDevice.objects.get(), AppleRegistration.objects.get()):
        row.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save(force_insert=True)


def test_a_token_is_of_one_pass(installed: None) -> None:
    token = AppleAuthenticationToken.objects.get()
    token.pk, token.generation = None, 1
    with pytest.raises(IntegrityError), transaction.atomic():
        token.save(force_insert=True)


def test_a_pass_type_stays_while_passes_have_it(installed: None) -> None:
    with pytest.raises(ProtectedError):
        ApplePassType.objects.get().delete()

"""What the database itself refuses, and how rows are called in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Model, ProtectedError
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from credentials import invitations, issuing
from credentials.models import (
    Account,
    ApiKey,
    Credential,
    DesignImage,
    Event,
    IdempotentRequest,
    Person,
    RedemptionUrl,
    ValueKey,
    WalletPass,
)
from credentials.scopes import Scope, grants
from tests import factories
from tests.redemption.standings import install


def test_only_one_url_of_a_credential_is_current(acme: Account) -> None:
    credential = factories.credential(acme)
    with (
        pytest.raises(IntegrityError, match=r"redemption_url_one_current|credential_id"),
        transaction.atomic(),
    ):
        RedemptionUrl.objects.create(credential=credential, digest=b"x" * 32)


def test_a_person_has_one_live_credential_of_a_type(acme: Account) -> None:
    credential = factories.credential(acme)
    with pytest.raises(IntegrityError), transaction.atomic():
        Credential.objects.create(
            account=acme,
            person=credential.person,
            credential_type=credential.credential_type,
            invited_at=timezone.now(),
        )


def test_what_the_trail_is_about_cannot_be_deleted(acme: Account) -> None:
    credential = factories.credential(acme)
    for row in (credential, credential.person, credential.credential_type):
        with pytest.raises(ProtectedError):
            row.delete()


def test_an_event_number_is_given_once(acme: Account) -> None:
    event = Event.objects.get(credential=factories.credential(acme))
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.create(
            account=acme, type=event.type, credential=event.credential, sequence=1, created_at=timezone.now()
        )


@pytest.mark.parametrize("wallet", ["samsung", ""])
def test_a_wallet_is_one_of_two(acme: Account, wallet: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.wallet_pass(factories.credential(acme), wallet=wallet)


@pytest.mark.parametrize("scale", [0, 4])
def test_an_image_has_a_scale_that_devices_have(acme: Account, scale: int) -> None:
    kind = factories.credential_type(acme)
    with pytest.raises(IntegrityError), transaction.atomic():
        DesignImage.objects.create(credential_type=kind, role="icon", scale=scale, png=b"")


def test_a_list_of_credentials_costs_two_queries(
    acme: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        install(factories.credential(acme))
    with django_assert_num_queries(2):
        shown = [
            (str(row.person), row.credential_type.label, row.account.slug, row.installed_pass)
            for row in Credential.objects.with_installed_pass()
        ]
    assert all(installed is not None for *_, installed in shown)


def test_the_installed_pass_is_looked_up_when_nobody_did(acme: Account) -> None:
    credential = factories.credential(acme)
    assert Credential.objects.get().installed_pass is None
    install(credential)
    assert Credential.objects.get().installed_pass == WalletPass.objects.get()


def test_a_held_pass_can_be_read_without_another_query(
    acme: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    factories.wallet_pass(factories.credential(acme))
    with transaction.atomic(), django_assert_num_queries(1):
        held = WalletPass.objects.held().get()
        assert held.credential.person.first_name
        assert held.credential.account.slug == "acme"
        assert held.credential.credential_type.label
        assert held.value_key.version == 1


def test_the_deleted_are_not_present(acme: Account) -> None:
    present, gone = factories.person(acme), factories.person(acme)
    Person.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    assert list(acme.people.present()) == [present]


def test_a_credential_is_over_from_its_end_on(acme: Account) -> None:
    now = timezone.now()
    credential = factories.credential(acme)
    for end, over in ((None, False), (now, True), (now + timedelta(seconds=1), False)):
        credential.expires_at = end
        assert credential.has_expired(now) is over


def named(account: Account) -> list[tuple[Model, str]]:
    credential, _ = issuing.issue(
        factories.person(account, first_name="Ada", last_name="Lovelace"),
        credential_type=factories.credential_type(account, label="Gold"),
        actor="test",
    )
    key = factories.api_key(account)
    wallet_pass = factories.wallet_pass(credential, serial_number="0a")
    invitation = invitations.invite(credential, actor="test")
    event = Event.objects.get()
    return [
        (account, "Acme Gym"),
        (ApiKey.objects.get(), f"key ({key[:11]}…)"),
        (credential, f"credential {credential.public_id}"),
        (credential.person, "Ada Lovelace"),
        (credential.credential_type, "Gold"),
        (RedemptionUrl.objects.get(), f"redemption URL {RedemptionUrl.objects.get().pk}"),
        (wallet_pass, "Apple pass 0a"),
        (ValueKey.objects.get(), "value key 1"),
        (event, f"credential.created {event.public_id}"),
        (invitation, f"invitation {invitation.pk}"),
        (IdempotentRequest(key="abc"), "abc"),
        (DesignImage(role="icon", scale=1), "icon.png"),
        (DesignImage(role="logo", scale=3), "logo@3x.png"),
    ]


def test_rows_are_called_by_what_people_know_of_them(acme: Account) -> None:
    for row, name in named(acme):
        assert str(row) == name


@pytest.mark.parametrize(
    ("scopes", "needed", "granted"),
    [
        ([Scope.PERSON], Scope.PERSON, True),
        ([Scope.PERSON], Scope.PERSON_READONLY, True),
        ([Scope.PERSON_READONLY], Scope.PERSON_READONLY, True),
        ([Scope.PERSON_READONLY], Scope.PERSON, False),
        ([Scope.WEBHOOK], Scope.EVENT_READONLY, False),
        ([], Scope.PERSON_READONLY, False),
        ([None], Scope.WEBHOOK, False),
    ],
)
def test_a_scope_includes_its_read_only_form(*, scopes: list[Any], needed: str, granted: bool) -> None:
    assert grants(scopes, needed=needed) is granted

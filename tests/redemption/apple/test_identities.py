"""Certificates: checked, kept so that nobody reads the key, chosen by date, and missed in good time."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from cryptography.hazmat.primitives import serialization
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from credentials.encryption import Undecryptable
from credentials.errors import Invalid, Unavailable
from credentials.models import Account, Event
from redemption.apple import identities
from redemption.apple.development_ca import (
    DevelopmentCA,
    IssuedCertificate,
    pass_type_extensions,
    pass_type_name,
)
from redemption.apple.identities import import_identity
from redemption.models import AppleIdentity, ApplePassType
from tests import factories
from tests.credentials.simultaneous import at_once
from tests.fakes import pki


@pytest.fixture(scope="session")
def renewed(ca: DevelopmentCA) -> IssuedCertificate:
    """The next certificate for the pass type of `issued`."""
    return pki.issue(ca)


@pytest.fixture(scope="session")
def of_another_team(ca: DevelopmentCA) -> IssuedCertificate:
    """The same pass type identifier, in another team."""
    return pki.issue(ca, subject=pass_type_name(pki.PASS_TYPE, team_identifier="OTHERTEAM1"))


def take(account: Account, issued: IssuedCertificate, ca: DevelopmentCA, **changes: Any) -> AppleIdentity:
    """Imports a certificate as PEM."""
    given = {"certificate": issued.certificate_pem, "key": issued.key_pem, "wwdr": ca.wwdr.pem}
    return import_identity(account, actor="admin:root", **{**given, **changes})


def test_an_import_is_recorded_with_what_is_public(
    acme: Account, ca: DevelopmentCA, issued: IssuedCertificate
) -> None:
    identity = take(acme, issued, ca)
    assert (identity.pass_type.account, str(identity.pass_type)) == (acme, pki.PASS_TYPE)
    assert identity.pass_type.team_identifier == pki.TEAM
    event = Event.objects.get()
    assert (event.type, event.account, event.actor) == ("apple_identity.imported", acme, "admin:root")
    assert event.data == {
        "pass_type_identifier": pki.PASS_TYPE,
        "fingerprint": identity.fingerprint,
        "not_after": "2049-12-31T00:00:00.000Z",
    }


def test_the_key_is_kept_encrypted_for_this_certificate_alone(
    acme: Account, ca: DevelopmentCA, issued: IssuedCertificate, renewed: IssuedCertificate
) -> None:
    identity, other = take(acme, issued, ca), take(acme, renewed, ca)
    stored = AppleIdentity.objects.get(pk=identity.pk)
    assert b"PRIVATE KEY" not in bytes(stored.private_key)
    key = serialization.load_pem_private_key(identities.private_key_pem(stored), password=None)
    given = serialization.load_pem_private_key(issued.key_pem, password=None)
    assert key.public_key() == given.public_key()
    stored.private_key = other.private_key
    with pytest.raises(Undecryptable):
        identities.private_key_pem(stored)


def test_a_pkcs12_file_is_taken_as_well(acme: Account, ca: DevelopmentCA, issued: IssuedCertificate) -> None:
    p12 = pki.p12(issued, password="hunter2", enclosed=[ca.wwdr.certificate])
    identity = import_identity(acme, p12=p12, password="hunter2", actor="test")
    assert identity.pass_type.pass_type_identifier == pki.PASS_TYPE


def test_the_same_certificate_twice_is_one_identity(
    acme: Account, ca: DevelopmentCA, issued: IssuedCertificate
) -> None:
    assert take(acme, issued, ca) == take(acme, issued, ca)
    assert AppleIdentity.objects.count() == Event.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"certificate": None}, "certificate"),
        ({"key": None}, "key"),
        ({"key": b"no key"}, "key"),
        ({"certificate": b"no certificate"}, "certificate"),
        ({"p12": b"no PKCS #12"}, "p12"),
        ({"wwdr": None}, "wwdr"),
    ],
)
def test_what_cannot_sign_is_refused_by_its_name_and_leaves_nothing(
    acme: Account, ca: DevelopmentCA, issued: IssuedCertificate, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        take(acme, issued, ca, **changes)
    assert refused.value.field == field
    assert not ApplePassType.objects.exists()
    assert not Event.objects.exists()


def test_a_pass_type_belongs_to_the_account_that_brought_it_first(
    acme: Account, globex: Account, ca: DevelopmentCA, issued: IssuedCertificate, renewed: IssuedCertificate
) -> None:
    take(acme, issued, ca)
    for certificate in (issued, renewed):
        with pytest.raises(Invalid, match="belongs to another account") as refused:
            take(globex, certificate, ca)
        assert refused.value.field == "certificate"
    assert AppleIdentity.objects.count() == Event.objects.count() == 1


def test_a_pass_type_does_not_move_to_another_team(
    acme: Account, ca: DevelopmentCA, issued: IssuedCertificate, of_another_team: IssuedCertificate
) -> None:
    take(acme, issued, ca)
    with pytest.raises(Invalid, match=pki.TEAM):
        take(acme, of_another_team, ca)


def test_a_new_certificate_lets_pushes_be_tried_again(
    acme: Account, ca: DevelopmentCA, issued: IssuedCertificate, renewed: IssuedCertificate
) -> None:
    take(acme, issued, ca)
    ApplePassType.objects.update(push_refused_at=timezone.now(), push_refusal="BadCertificate")
    take(acme, issued, ca)
    assert ApplePassType.objects.get().push_refused_at is not None
    take(acme, renewed, ca)
    pass_type = ApplePassType.objects.get()
    assert (pass_type.push_refused_at, pass_type.push_refusal) == (None, "")


def test_the_newest_valid_certificate_is_used_from_the_next_pass_on(
    acme: Account, ca: DevelopmentCA, issued: IssuedCertificate, renewed: IssuedCertificate
) -> None:
    first = take(acme, issued, ca)
    assert identities.signing_identity(first.pass_type).certificate.serial_number
    second = take(acme, renewed, ca)
    assert identities.current_identity(first.pass_type) == second
    used = identities.signing_identity(first.pass_type)
    assert used.certificate.public_bytes(serialization.Encoding.PEM).decode() == second.certificate
    AppleIdentity.objects.filter(pk=second.pk).update(not_before=timezone.now() + timedelta(days=1))
    assert identities.current_identity(first.pass_type) == first
    AppleIdentity.objects.filter(pk=first.pk).update(not_after=timezone.now())
    with pytest.raises(Unavailable):
        identities.current_identity(first.pass_type)
    with pytest.raises(Unavailable):
        identities.signing_identity(first.pass_type)


def test_a_loaded_certificate_costs_one_query_and_no_decryption(
    acme_identity: AppleIdentity, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    loaded = identities.signing_identity(acme_identity.pass_type)
    with django_assert_num_queries(1):
        assert identities.signing_identity(acme_identity.pass_type) is loaded


@pytest.fixture(scope="session")
def second_type(ca: DevelopmentCA) -> IssuedCertificate:
    """A certificate for another pass type of the same team."""
    name = "pass.com.example.second"
    return pki.issue(
        ca,
        subject=pass_type_name(name, team_identifier=pki.TEAM),
        extensions=pass_type_extensions(name, nfc=False),
    )


def test_a_design_takes_the_pass_type_it_names_or_else_one_that_can_sign(
    acme: Account, ca: DevelopmentCA, issued: IssuedCertificate, second_type: IssuedCertificate
) -> None:
    first, second = take(acme, issued, ca), take(acme, second_type, ca)
    plain = factories.credential_type(acme)
    naming = factories.credential_type(acme, apple_pass_type_identifier="pass.com.example.second")
    assert identities.pass_type_for(plain) == first.pass_type
    assert identities.pass_type_for(naming) == second.pass_type
    AppleIdentity.objects.filter(pk=first.pk).update(not_after=timezone.now())
    assert identities.pass_type_for(plain) == second.pass_type
    AppleIdentity.objects.filter(pk=second.pk).update(not_after=timezone.now())
    for design in (plain, naming):
        with pytest.raises(Unavailable):
            identities.pass_type_for(design)


def test_a_design_never_takes_another_accounts_pass_type(
    acme: Account, globex: Account, acme_identity: AppleIdentity
) -> None:
    for named in ("", pki.PASS_TYPE):
        design = factories.credential_type(globex, apple_pass_type_identifier=named)
        with pytest.raises(Unavailable):
            identities.pass_type_for(design)
    assert identities.pass_type_for(factories.credential_type(acme)) == acme_identity.pass_type


class FailingServer(BaseEmailBackend):
    """A mail server that refuses one address, and takes the rest."""

    refused: ClassVar[str] = "admin@acme.example"

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            if message.to == [self.refused]:
                raise smtplib.SMTPRecipientsRefused({})
            mail.outbox.append(message)
        return len(email_messages)


def ends_in(identity: AppleIdentity, **left: float) -> None:
    AppleIdentity.objects.filter(pk=identity.pk).update(not_after=timezone.now() + timedelta(**left))


def test_an_end_is_announced_once_and_a_month_before(acme: Account, acme_identity: AppleIdentity) -> None:
    Account.objects.update(contact_email="admin@acme.example")
    ends_in(acme_identity, days=31)
    assert identities.warn_of_expiry() == 0
    ends_in(acme_identity, days=29)
    assert [identities.warn_of_expiry() for _ in range(2)] == [1, 0]
    event = Event.objects.latest("id")
    assert (event.type, event.account, event.actor) == ("apple_identity.expiring", acme, "clock")
    assert event.data["pass_type_identifier"] == pki.PASS_TYPE
    (message,) = mail.outbox
    assert message.to == ["admin@acme.example"]
    assert "Acme Gym" in message.subject
    assert pki.PASS_TYPE in message.body
    assert "import_apple_identity" in message.body


def test_an_end_that_has_passed_is_announced_as_well(acme_identity: AppleIdentity) -> None:
    ends_in(acme_identity, days=-1)
    assert identities.warn_of_expiry() == 1


@pytest.mark.django_db(transaction=True)
def test_clocks_that_look_at_once_announce_it_once(acme_identity: AppleIdentity) -> None:
    ends_in(acme_identity, days=1)
    assert sorted(map(str, at_once([identities.warn_of_expiry] * 4))) == ["0", "0", "0", "1"]
    assert Event.objects.filter(type="apple_identity.expiring").count() == 1


def test_without_an_address_it_is_logged_and_recorded(
    acme_identity: AppleIdentity, caplog: pytest.LogCaptureFixture
) -> None:
    ends_in(acme_identity, days=1)
    assert identities.warn_of_expiry() == 1
    assert mail.outbox == []
    assert f"the Apple certificate of {pki.PASS_TYPE} expires on " in caplog.text


def test_what_was_replaced_is_not_announced(
    acme: Account, ca: DevelopmentCA, acme_identity: AppleIdentity, renewed: IssuedCertificate
) -> None:
    take(acme, renewed, ca)
    ends_in(acme_identity, days=1)
    assert identities.warn_of_expiry() == 0


def test_an_address_that_is_refused_keeps_nobody_else_from_being_warned(
    acme_identity: AppleIdentity, globex_identity: AppleIdentity, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.{FailingServer.__name__}"
    for identity in (acme_identity, globex_identity):
        account = identity.pass_type.account
        Account.objects.filter(pk=account.pk).update(contact_email=f"admin@{account.slug}.example")
        ends_in(identity, days=1)
    assert identities.warn_of_expiry() == 1
    assert [message.to for message in mail.outbox] == [["admin@globex.example"]]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert identities.warn_of_expiry() == 1
    assert mail.outbox[-1].to == ["admin@acme.example"]


def test_nothing_that_ends_costs_one_query(acme_identity: AppleIdentity) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert identities.warn_of_expiry() == 0
    assert len(queries) == 1

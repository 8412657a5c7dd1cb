"""Certificates are imported in the admin; what Wallet would refuse in silence is told next to its field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import load_pem_x509_certificate
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from credentials.models import Account, Event
from redemption.apple.development_ca import DevelopmentCA, IssuedCertificate
from redemption.models import AppleIdentity, ApplePassType
from tests.admin.conftest import Staff
from tests.admin.test_credentials import everything_stored

LIST = "/admin/redemption/appleidentity/"
ADD = f"{LIST}add/"


def file(content: bytes) -> SimpleUploadedFile:
    """A file as a browser sends it."""
    return SimpleUploadedFile("upload", content)


def pem(issued: IssuedCertificate, ca: DevelopmentCA) -> dict[str, SimpleUploadedFile]:
    """A certificate in parts."""
    return {
        "certificate": file(issued.certificate_pem),
        "key": file(issued.key_pem),
        "wwdr": file(ca.wwdr.pem),
    }


def p12(issued: IssuedCertificate, password: bytes) -> bytes:
    """A certificate as Keychain exports it."""
    key = serialization.load_pem_private_key(issued.key_pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return pkcs12.serialize_key_and_certificates(
        b"pass",
        key,
        load_pem_x509_certificate(issued.certificate_pem),
        None,
        serialization.BestAvailableEncryption(password),
    )


def test_a_certificate_is_imported_from_its_parts(
    acme: Account, root: Client, issued: IssuedCertificate, ca: DevelopmentCA
) -> None:
    response = root.post(ADD, {"account": acme.pk, **pem(issued, ca)}, follow=True)
    assert response.redirect_chain == [(LIST, 302)]
    identity = AppleIdentity.objects.get()
    assert identity.pass_type.account == acme
    assert [(event.type, event.actor) for event in Event.objects.all()] == [
        ("apple_identity.imported", "admin:root")
    ]
    assert "BEGIN PRIVATE KEY" not in everything_stored()


def test_a_certificate_is_imported_from_one_file(
    acme: Account, root: Client, issued: IssuedCertificate, ca: DevelopmentCA
) -> None:
    asked = {"account": acme.pk, "p12": file(p12(issued, b" pass word ")), "wwdr": file(ca.wwdr.pem)}
    wrong = root.post(ADD, {**asked, "password": "password"})
    assert "password" in wrong.context["adminform"].form.errors
    assert b"pass word" not in wrong.content
    asked = {"account": acme.pk, "p12": file(p12(issued, b" pass word ")), "wwdr": file(ca.wwdr.pem)}
    assert root.post(ADD, {**asked, "password": " pass word "}).status_code == 302
    assert AppleIdentity.objects.count() == 1


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"certificate": b"not a certificate"}, "certificate"),
        ({"certificate": b"x" * 100_001}, "certificate"),
        ({"key": b"not a key"}, "key"),
        ({"wwdr": b"not a certificate"}, "wwdr"),
        ({"p12": b"not a file"}, "p12"),
        ({"key": None}, "key"),
        ({"certificate": None}, "certificate"),
    ],
)
def test_what_is_refused_is_told_next_to_its_field(
    changed: dict[str, bytes | None],
    field: str,
    acme: Account,
    root: Client,
    issued: IssuedCertificate,
    ca: DevelopmentCA,
) -> None:
    files = pem(issued, ca) | {
        name: file(content) for name, content in changed.items() if content is not None
    }
    for name in [name for name, content in changed.items() if content is None]:
        del files[name]
    response = root.post(ADD, {"account": acme.pk, **files})
    assert list(response.context["adminform"].form.errors) == [field]
    assert not ApplePassType.objects.exists()
    assert not Event.objects.exists()


def test_an_identity_is_neither_changed_nor_deleted(acme_identity: AppleIdentity, root: Client) -> None:
    page = f"{LIST}{acme_identity.pk}/change/"
    assert root.post(page, {"certificate": "other"}).status_code == 405
    assert root.post(f"{LIST}{acme_identity.pk}/delete/", {"post": "yes"}).status_code == 403


def test_importing_needs_its_permission(acme: Account, staff: Staff) -> None:
    assert staff("view_appleidentity").post(ADD, {"account": acme.pk}).status_code == 403


@pytest.mark.parametrize(
    ("days", "words", "tone"),
    [(100, "99 days left", "good"), (10, "9 days left", "attention"), (-1, "Expired", "bad")],
)
def test_lists_say_how_long_a_certificate_lasts(
    days: int, words: str, tone: str, acme_identity: AppleIdentity, root: Client
) -> None:
    AppleIdentity.objects.update(not_after=timezone.now() + timedelta(days=days))
    for address in (LIST, "/admin/redemption/applepasstype/"):
        assert f'badge-{tone}">{words}</span>' in root.get(address).content.decode()


def test_a_refusal_by_apple_stands_out(acme_identity: AppleIdentity, root: Client) -> None:
    ApplePassType.objects.update(
        push_refused_at=datetime(2030, 1, 1, tzinfo=UTC), push_refusal="BadCertificate"
    )
    assert "Refused: BadCertificate" in root.get("/admin/redemption/applepasstype/").content.decode()

"""Pass type certificates that are good, or wrong in one chosen way, issued by a development CA."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from redemption.apple.development_ca import (
    Authority,
    DevelopmentCA,
    IssuedCertificate,
    Validity,
    certify,
    new_key,
    pass_type_extensions,
    pass_type_name,
)

PASS_TYPE = "pass.com.example.acme"
TEAM = "ACMETEAM01"
# OpenSSL looks at the real clock, whatever a test has made of Python's.
ALWAYS = Validity(datetime(2020, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, tzinfo=UTC))
PAST = Validity(datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC))
FUTURE = Validity(datetime(2048, 1, 1, tzinfo=UTC), datetime(2049, 1, 1, tzinfo=UTC))

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def issue(
    ca: DevelopmentCA,
    *,
    subject: x509.Name | None = None,
    extensions: Sequence[x509.ExtensionType] | None = None,
    key: PrivateKey | None = None,
    issuer: Authority | None = None,
    validity: Validity = ALWAYS,
) -> IssuedCertificate:
    """Issue a pass type certificate in which one thing or another is not as it should be."""
    key, issuer = key or new_key(), issuer or ca.wwdr
    certificate = certify(
        subject or pass_type_name(PASS_TYPE, team_identifier=TEAM),
        public_key=key.public_key(),
        issuer_name=issuer.certificate.subject,
        issuer_key=issuer.key,
        extensions=pass_type_extensions(PASS_TYPE, nfc=False) if extensions is None else extensions,
        validity=validity,
    )
    return IssuedCertificate(
        certificate_pem=certificate.public_bytes(serialization.Encoding.PEM), key_pem=key_pem(key)
    )


def authority(
    ca: DevelopmentCA,
    *,
    extensions: Sequence[x509.ExtensionType],
    validity: Validity = ALWAYS,
) -> Authority:
    """Issue a second intermediate with the name and key of the CA's own."""
    certificate = certify(
        ca.wwdr.certificate.subject,
        public_key=ca.wwdr.key.public_key(),
        issuer_name=ca.root.certificate.subject,
        issuer_key=ca.root.key,
        extensions=extensions,
        validity=validity,
    )
    return Authority(certificate, ca.wwdr.key)


def key_pem(key: PrivateKey, *, password: str = "") -> bytes:
    """Write a private key as PKCS #8."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def p12(issued: IssuedCertificate, *, password: str, enclosed: Sequence[x509.Certificate] = ()) -> bytes:
    """Write a certificate and its key as Keychain exports them."""
    key = serialization.load_pem_private_key(issued.key_pem, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return pkcs12.serialize_key_and_certificates(
        b"Pass Type ID",
        key,
        x509.load_pem_x509_certificate(issued.certificate_pem),
        list(enclosed),
        serialization.BestAvailableEncryption(password.encode()),
    )

"""Reads a pass type certificate with its key, and refuses in plain words what Wallet refuses in silence."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

INTERMEDIATES = Path(__file__).parent / "intermediates"
PASS_TYPE_EXTENSION = x509.ObjectIdentifier("1.2.840.113635.100.6.1.16")
NFC_EXTENSION = x509.ObjectIdentifier("1.2.840.113635.100.6.1.26")
SMALLEST_KEY_BITS = 2048


class CertificateRefused(ValueError):
    """A certificate that cannot sign passes; `field` names the input at fault, `reason` is a sentence."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class PassCertificate:
    """A checked pass type certificate; `key_pem` is PKCS #8 in clear, to be encrypted before it is stored."""

    pass_type_identifier: str
    team_identifier: str
    not_before: datetime
    not_after: datetime
    nfc: bool
    certificate_pem: bytes
    key_pem: bytes = field(repr=False)
    wwdr_pem: bytes
    fingerprint: str
    """SHA-256 of the DER certificate, lowercase hexadecimal."""


def read_pkcs12(
    p12: bytes, *, now: datetime, password: str = "", wwdr: bytes | None = None
) -> PassCertificate:
    """Read a PKCS #12 file as Keychain exports it; raises CertificateRefused."""
    try:
        key, leaf, others = pkcs12.load_key_and_certificates(p12, password.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        if "password" in str(error):
            raise CertificateRefused("password", "This password does not open the PKCS #12 file.") from error
        raise CertificateRefused("p12", "This is not a PKCS #12 file.") from error
    if key is None:
        raise CertificateRefused(
            "p12", "This file holds no private key; export the certificate with its key."
        )
    if leaf is None:
        raise CertificateRefused("p12", "This file holds no certificate that belongs to its private key.")
    return _examine(leaf, key=key, enclosed=others, wwdr=wwdr, now=now)


def read_pem(
    certificate: bytes, *, key: bytes, now: datetime, password: str = "", wwdr: bytes | None = None
) -> PassCertificate:
    """Read a certificate (PEM, or DER as from Apple's portal) and its PEM key; raises CertificateRefused."""
    leaf, *others = _certificates(certificate, named="certificate")
    return _examine(leaf, key=_private_key(key, password=password), enclosed=others, wwdr=wwdr, now=now)


def pass_type_identifier(certificate: x509.Certificate) -> str:
    """Return the Subject UID, which Wallet compares with `passTypeIdentifier`; raises CertificateRefused."""
    identifier = _subject_value(certificate, oid=NameOID.USER_ID, called="UID")
    if not identifier.startswith("pass."):
        raise CertificateRefused(
            "certificate", f"This certificate is not for passes: its UID is “{identifier}” and not “pass.…”."
        )
    stated = _stated_pass_type(certificate)
    if stated is not None and stated != identifier:
        raise CertificateRefused(
            "certificate",
            f"This certificate names two pass types: “{identifier}” as UID, “{stated}” in its extension.",
        )
    return identifier


def team_identifier(certificate: x509.Certificate) -> str:
    """Return the Subject OU, which Wallet compares with `teamIdentifier`; raises CertificateRefused."""
    team = _subject_value(certificate, oid=NameOID.ORGANIZATIONAL_UNIT_NAME, called="OU")
    if not re.fullmatch(r"[A-Z0-9]{10}", team):
        raise CertificateRefused(
            "certificate", f"This certificate has the OU “{team}”; a team identifier is ten of A-Z and 0-9."
        )
    return team


def allows_nfc(certificate: x509.Certificate) -> bool:
    """Say whether Apple granted NFC: with any other certificate a pass holding `nfc` does not open at all."""
    return any(extension.oid == NFC_EXTENSION for extension in certificate.extensions)


def _examine(
    leaf: x509.Certificate,
    *,
    key: object,
    enclosed: Iterable[x509.Certificate],
    wwdr: bytes | None,
    now: datetime,
) -> PassCertificate:
    rsa_key = _large_enough(key)
    if rsa_key.public_key() != leaf.public_key():
        raise CertificateRefused("key", "This key does not belong to the certificate.")
    _refuse_outside_validity(leaf, named="certificate", now=now)
    return PassCertificate(
        pass_type_identifier=pass_type_identifier(leaf),
        team_identifier=team_identifier(leaf),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        nfc=allows_nfc(leaf),
        certificate_pem=leaf.public_bytes(serialization.Encoding.PEM),
        key_pem=rsa_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        wwdr_pem=_issuer(leaf, enclosed=enclosed, wwdr=wwdr, now=now).public_bytes(
            serialization.Encoding.PEM
        ),
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
    )


def _certificates(data: bytes, *, named: str) -> list[x509.Certificate]:
    try:
        if b"-----BEGIN" in data:
            return x509.load_pem_x509_certificates(data)
        return [x509.load_der_x509_certificate(data)]
    except ValueError as error:
        raise CertificateRefused(named, "This is not an X.509 certificate in PEM or DER form.") from error


def _private_key(pem: bytes, *, password: str) -> object:
    encrypted = b"ENCRYPTED" in pem
    try:
        return serialization.load_pem_private_key(pem, password.encode() if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if encrypted:
            raise CertificateRefused("password", "This password does not open the private key.") from error
        raise CertificateRefused("key", "This is not a private key in PEM form.") from error


def _large_enough(key: object) -> rsa.RSAPrivateKey:
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= SMALLEST_KEY_BITS:
        return key
    found = "a key of another kind"
    if isinstance(key, rsa.RSAPrivateKey):
        found = f"RSA with {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        found = f"an elliptic curve key ({key.curve.name})"
    raise CertificateRefused(
        "key", f"The key must be RSA with at least {SMALLEST_KEY_BITS} bits; this is {found}."
    )


def _refuse_outside_validity(certificate: x509.Certificate, *, named: str, now: datetime) -> None:
    if now < certificate.not_valid_before_utc:
        raise CertificateRefused(
            named, f"This certificate is not valid before {certificate.not_valid_before_utc.isoformat()}."
        )
    if now > certificate.not_valid_after_utc:
        raise CertificateRefused(
            named, f"This certificate expired at {certificate.not_valid_after_utc.isoformat()}."
        )


def _subject_value(certificate: x509.Certificate, *, oid: x509.ObjectIdentifier, called: str) -> str:
    values = [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(oid)]
    if len(values) != 1:
        raise CertificateRefused(
            "certificate",
            f"This certificate has {len(values)} {called} in its subject; that of a pass type has one.",
        )
    return values[0]


def _stated_pass_type(certificate: x509.Certificate) -> str | None:
    for extension in certificate.extensions:
        if extension.oid == PASS_TYPE_EXTENSION and isinstance(extension.value, x509.UnrecognizedExtension):
            # A DER string of less than 128 bytes: one byte of type, one of length, then the text.
            return extension.value.value[2:].decode("utf-8", "replace")
    return None


def _issuer(
    leaf: x509.Certificate, *, enclosed: Iterable[x509.Certificate], wwdr: bytes | None, now: datetime
) -> x509.Certificate:
    # Apple signs with several intermediates (G1 … G6); Wallet rejects the wrong one without a word.
    candidates = [*enclosed, *_vendored()] if wwdr is None else _certificates(wwdr, named="wwdr")
    issuer = next((candidate for candidate in candidates if _issued(leaf, by=candidate)), None)
    if issuer is None:
        raise CertificateRefused(
            "wwdr", _no_issuer_reason(leaf, given=None if wwdr is None else candidates[0])
        )
    if not _is_authority(issuer):
        raise CertificateRefused("wwdr", "This intermediate is not the certificate of an authority.")
    _refuse_outside_validity(issuer, named="wwdr", now=now)
    return issuer


def _vendored() -> list[x509.Certificate]:
    return [x509.load_pem_x509_certificate(path.read_bytes()) for path in sorted(INTERMEDIATES.glob("*.pem"))]


def _issued(leaf: x509.Certificate, *, by: x509.Certificate) -> bool:
    try:
        authority = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        subject = by.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        leaf.verify_directly_issued_by(by)
    except (x509.ExtensionNotFound, ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return authority.key_identifier == subject.digest


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _no_issuer_reason(leaf: x509.Certificate, *, given: x509.Certificate | None) -> str:
    issuer = leaf.issuer.rfc4514_string()
    if given is None:
        return f"None of the known intermediates issued this certificate; give that of {issuer}."
    return (
        f"This intermediate, {given.subject.rfc4514_string()}, did not issue the certificate; {issuer} did."
    )

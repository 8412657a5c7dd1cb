"""A root for the vendors' fakes: issues the certificates that they show and those that they accept."""

from __future__ import annotations

import ipaddress
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ssl import SSLContext

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# OpenSSL looks at the real clock, whatever a test has made of Python's.
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2049, 12, 31, tzinfo=UTC)
USUAL = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
SIGNS_CERTIFICATES = x509.KeyUsage(False, False, False, False, False, True, True, False, False)


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, both PEM."""

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)


class Authority:
    """A self-signed root that issues certificates for one test run."""

    def __init__(self, common_name: str = "Test Root") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name({NameOID.COMMON_NAME: common_name})
        certificate = (
            _blank(self._name, issuer=self._name, key=self._key, until=FAR_AHEAD)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(SIGNS_CERTIFICATES, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(Encoding.PEM)

    def issue_server(self, address: str = "127.0.0.1") -> Identity:
        """Issue a server certificate for one IP address."""
        return self._issue(
            {NameOID.COMMON_NAME: address},
            purpose=ExtendedKeyUsageOID.SERVER_AUTH,
            alternatives=[x509.IPAddress(ipaddress.ip_address(address))],
        )

    def issue_client(self, user_id: str, *, until: datetime = FAR_AHEAD) -> Identity:
        """Issue a client certificate with `user_id` as UID, where Apple writes the pass type identifier."""
        subject = {NameOID.USER_ID: user_id, NameOID.COMMON_NAME: f"Pass Type ID: {user_id}"}
        return self._issue(subject, purpose=ExtendedKeyUsageOID.CLIENT_AUTH, until=until)

    def _issue(
        self,
        subject: dict[x509.ObjectIdentifier, str],
        *,
        purpose: x509.ObjectIdentifier,
        alternatives: list[x509.GeneralName] | None = None,
        until: datetime = FAR_AHEAD,
    ) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            _blank(_name(subject), issuer=self._name, key=key, until=until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(USUAL, critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(issuer_key, critical=False)
        )
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Identity(
            certificate_pem=certificate.public_bytes(Encoding.PEM),
            key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )


def present(context: SSLContext, identity: Identity) -> None:
    """Load an identity into a TLS context, which reads nothing but files."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(identity.certificate_pem + identity.key_pem)
        file.flush()
        context.load_cert_chain(file.name)


def _name(attributes: dict[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes.items()])


def _blank(
    subject: x509.Name, *, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(LONG_AGO)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )

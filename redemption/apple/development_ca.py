"""Issues pass type certificates that look like Apple's, from a root of its own: for the demo and tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from redemption.apple.certificates import NFC_EXTENSION, PASS_TYPE_EXTENSION

ROOT_NAME = "PassFlow Development Root CA"
WWDR_NAME = "PassFlow Development Relations Certification Authority"
ORGANIZATION = "PassFlow Development"
PASS_SIGNING = x509.ObjectIdentifier("1.2.840.113635.100.4.14")
DER_NULL = b"\x05\x00"


@dataclass(frozen=True)
class Validity:
    """The two aware times between which a certificate is valid."""

    not_before: datetime
    not_after: datetime


@dataclass(frozen=True)
class Authority:
    """A certificate that issues others, with its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)

    @property
    def pem(self) -> bytes:
        """The certificate, without the key."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class DevelopmentCA:
    """A root, and the intermediate that stands where Apple has its WWDR G4."""

    root: Authority
    wwdr: Authority


@dataclass(frozen=True)
class IssuedCertificate:
    """A certificate and its key, both PEM, the key in clear."""

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)

    @classmethod
    def of(cls, certificate: x509.Certificate, *, key: rsa.RSAPrivateKey) -> IssuedCertificate:
        """Write a certificate and its key as PEM."""
        return cls(
            certificate_pem=certificate.public_bytes(serialization.Encoding.PEM),
            key_pem=key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )


def create_development_ca(*, validity: Validity) -> DevelopmentCA:
    """Make a new root and a new intermediate below it."""
    root_key, wwdr_key = new_key(), new_key()
    root_name = name(common_name=ROOT_NAME)
    root_certificate = certify(
        root_name,
        public_key=root_key.public_key(),
        issuer_name=root_name,
        issuer_key=root_key,
        extensions=authority_extensions(path_length=None),
        validity=validity,
    )
    wwdr_certificate = certify(
        name(common_name=WWDR_NAME, unit="G4"),
        public_key=wwdr_key.public_key(),
        issuer_name=root_name,
        issuer_key=root_key,
        extensions=authority_extensions(path_length=0),
        validity=validity,
    )
    return DevelopmentCA(
        root=Authority(root_certificate, root_key), wwdr=Authority(wwdr_certificate, wwdr_key)
    )


def issue_pass_certificate(
    ca: DevelopmentCA,
    pass_type_identifier: str,
    *,
    team_identifier: str,
    validity: Validity,
    nfc: bool = False,
) -> IssuedCertificate:
    """Issue a certificate for a pass type, with a new key."""
    key = new_key()
    certificate = certify(
        pass_type_name(pass_type_identifier, team_identifier=team_identifier, nfc=nfc),
        public_key=key.public_key(),
        issuer_name=ca.wwdr.certificate.subject,
        issuer_key=ca.wwdr.key,
        extensions=pass_type_extensions(pass_type_identifier, nfc=nfc),
        validity=validity,
    )
    return IssuedCertificate.of(certificate, key=key)


def new_key() -> rsa.RSAPrivateKey:
    """Make an RSA-2048 key, the kind that Apple certifies for passes."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def name(*, common_name: str, unit: str = "") -> x509.Name:
    """Return a subject of this CA; `unit` becomes its OU."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if unit:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION))
    attributes.append(x509.NameAttribute(NameOID.COUNTRY_NAME, "US"))
    return x509.Name(attributes)


def pass_type_name(pass_type_identifier: str, *, team_identifier: str, nfc: bool = False) -> x509.Name:
    """Return the subject of a pass type certificate, whose UID and OU must be those of pass.json."""
    title = "Pass Type ID with NFC" if nfc else "Pass Type ID"
    uid = x509.NameAttribute(NameOID.USER_ID, pass_type_identifier)
    return x509.Name([uid, *name(common_name=f"{title}: {pass_type_identifier}", unit=team_identifier)])


def authority_extensions(*, path_length: int | None) -> list[x509.ExtensionType]:
    """Return what makes a certificate that of an authority."""
    return [
        x509.BasicConstraints(ca=True, path_length=path_length),
        _key_usage(key_cert_sign=True, crl_sign=True),
    ]


def pass_type_extensions(pass_type_identifier: str, *, nfc: bool) -> list[x509.ExtensionType]:
    """Return the extensions that Apple gives a pass type certificate."""
    text = pass_type_identifier.encode()
    extensions = [
        _key_usage(digital_signature=True),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, PASS_SIGNING]),
        x509.UnrecognizedExtension(PASS_TYPE_EXTENSION, bytes([0x0C, len(text)]) + text),
    ]
    return [*extensions, x509.UnrecognizedExtension(NFC_EXTENSION, DER_NULL)] if nfc else extensions


def certify(
    subject: x509.Name,
    *,
    public_key: CertificatePublicKeyTypes,
    issuer_name: x509.Name,
    issuer_key: rsa.RSAPrivateKey,
    extensions: Sequence[x509.ExtensionType],
    validity: Validity,
) -> x509.Certificate:
    """Sign a certificate with SHA-256, the identifiers of its own key and of its issuer's key in it."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    for extension in extensions:
        critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, hashes.SHA256())


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )

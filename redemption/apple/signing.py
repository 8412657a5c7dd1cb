"""Signs manifests in process, by filling in one prepared CMS message per identity.

PKCS7SignatureBuilder writes the message once, when the identity is loaded. From then on only three
parts of it change, none of them in length: the signing time, the digest and the signature.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from redemption.apple import certificates

# DER of the contentType attribute, the first that is signed (RFC 5652, section 11.1).
CONTENT_TYPE = bytes.fromhex("3018 0609 2a864886f70d010903 310b 0609 2a864886f70d010701")
# DER of the signingTime attribute up to its thirteen characters of UTCTime (RFC 5652, section 11.3).
SIGNING_TIME = bytes.fromhex("301c 0609 2a864886f70d010905 310f 170d")
# DER of rsaEncryption, which stands between the signed attributes and the signature.
RSA_ENCRYPTION = bytes.fromhex("300d 0609 2a864886f70d010101 0500")
SET_OF = b"\x31"

PADDING = padding.PKCS1v15()
SHA256 = hashes.SHA256()


@dataclass(frozen=True)
class SigningIdentity:
    """A certificate with its key and intermediate; load it once and keep it."""

    pass_type_identifier: str
    team_identifier: str
    nfc: bool
    certificate: x509.Certificate = field(repr=False)
    wwdr: x509.Certificate = field(repr=False)
    key: rsa.RSAPrivateKey = field(repr=False)
    template: SignatureTemplate = field(repr=False)

    @classmethod
    def load(cls, certificate_pem: bytes, key_pem: bytes, wwdr_pem: bytes) -> SigningIdentity:
        """Load what `certificates` has checked; raises ValueError when the key is not the certificate's."""
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        wwdr = x509.load_pem_x509_certificate(wwdr_pem)
        # It was validated when it was imported; OpenSSL would take another 60 ms to do so again.
        key = serialization.load_pem_private_key(key_pem, password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate.public_key():
            raise ValueError("the key is not the RSA key of the certificate")
        return cls(
            pass_type_identifier=certificates.pass_type_identifier(certificate),
            team_identifier=certificates.team_identifier(certificate),
            nfc=certificates.allows_nfc(certificate),
            certificate=certificate,
            wwdr=wwdr,
            key=key,
            template=SignatureTemplate.prepare(certificate, key=key, wwdr=wwdr),
        )


def sign(manifest: bytes, *, identity: SigningIdentity, signed_at: datetime) -> bytes:
    """Return the detached CMS signature (DER, SHA-256) of a manifest; `signed_at` is aware, before 2050.

    Leaf, intermediate and signing time are inside, as Apple asks of the file `signature`.
    """
    template = identity.template
    message = bytearray(template.message)
    message[template.signing_time] = signed_at.astimezone(UTC).strftime("%y%m%d%H%M%SZ").encode()
    message[template.digest] = hashlib.sha256(manifest).digest()
    message[template.signature] = identity.key.sign(template.signed_part(message), PADDING, SHA256)
    return bytes(message)


@dataclass(frozen=True)
class SignatureTemplate:
    """A finished CMS message over nothing, and where its changing parts stand."""

    message: bytes
    attributes: slice
    signing_time: slice
    digest: slice
    signature: slice

    @classmethod
    def prepare(
        cls, certificate: x509.Certificate, *, key: rsa.RSAPrivateKey, wwdr: x509.Certificate
    ) -> SignatureTemplate:
        """Have the library write a message and find its parts; its signature proves that they are right."""
        message = _signed_by_library(certificate, key=key, wwdr=wwdr)
        # The signer's part comes last, so every search runs backwards from the end.
        signature_at = len(message) - key.key_size // 8
        time_at = message.rindex(SIGNING_TIME) + len(SIGNING_TIME)
        digest_at = message.rindex(hashlib.sha256(b"").digest())
        template = cls(
            message=message,
            # Three bytes before the first attribute: tag and length of them all.
            attributes=slice(
                message.rindex(CONTENT_TYPE) - 3, message.rindex(RSA_ENCRYPTION, 0, signature_at)
            ),
            signing_time=slice(time_at, time_at + 13),
            digest=slice(digest_at, digest_at + 32),
            signature=slice(signature_at, len(message)),
        )
        key.public_key().verify(message[template.signature], template.signed_part(message), PADDING, SHA256)
        return template

    def signed_part(self, message: bytes | bytearray) -> bytes:
        """Return what the signature covers: the attributes, tagged as a SET OF (RFC 5652, section 5.4)."""
        return SET_OF + message[self.attributes][1:]


def _signed_by_library(
    certificate: x509.Certificate, *, key: rsa.RSAPrivateKey, wwdr: x509.Certificate
) -> bytes:
    builder = pkcs7.PKCS7SignatureBuilder().set_data(b"").add_signer(certificate, key, SHA256)
    return builder.add_certificate(wwdr).sign(
        serialization.Encoding.DER, [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    )

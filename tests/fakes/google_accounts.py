"""Service accounts as Google's console makes them, and the JWTs that they sign."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

EMAIL = "passes@acme-wallet.iam.gserviceaccount.com"


class BadJwt(Exception):
    """A text that no known service account signed as RS256 JWT."""


@cache
def a_key(number: int = 0) -> rsa.RSAPrivateKey:
    """A 2048-bit key; they are slow to make, so that whoever asks for the same number gets the same."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class ServiceAccount:
    """An account for programs, with the one key that was made for it."""

    token_uri: str
    email: str = EMAIL
    project_id: str = "acme-wallet"
    key: rsa.RSAPrivateKey = field(default_factory=a_key, repr=False)
    private_key_id: str = field(default_factory=lambda: secrets.token_hex(20))

    @property
    def private_key_pem(self) -> bytes:
        """PKCS #8, as in the file."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def file(self, **changed: object) -> bytes:
        """The JSON file that Google's console downloads for the key, with some members as told."""
        members = {
            "type": "service_account",
            "project_id": self.project_id,
            "private_key_id": self.private_key_id,
            "private_key": self.private_key_pem.decode(),
            "client_email": self.email,
            "client_id": "104600000000000000000",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": self.token_uri,
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{self.email}",
            "universe_domain": "googleapis.com",
        }
        return json.dumps(members | changed, indent=2).encode()

    def sign(self, claims: Mapping[str, object], **header: object) -> str:
        """A JWT of this account."""
        head = {"alg": "RS256", "typ": "JWT", "kid": self.private_key_id} | header
        signed = f"{_encoded(head)}.{_encoded(claims)}"
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), SHA256())
        return f"{signed}.{_text(signature)}"


def read_jwt(text: str, accounts: Mapping[str, ServiceAccount]) -> dict[str, Any]:
    """The claims of a JWT that one of `accounts`, by e-mail, signed in its own name. Raises `BadJwt`."""
    try:
        head, body, signature = text.split(".")
        header, claims = json.loads(_bytes(head)), json.loads(_bytes(body))
        account = accounts[claims["iss"]]
        account.key.public_key().verify(
            _bytes(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), SHA256()
        )
    except (ValueError, KeyError, TypeError, binascii.Error, InvalidSignature) as error:
        raise BadJwt("Invalid JWT Signature.") from error
    if header != {"alg": "RS256", "typ": "JWT", "kid": account.private_key_id}:
        raise BadJwt(f"Invalid JWT header: {header}")
    return dict(claims)


def _encoded(members: Mapping[str, object]) -> str:
    return _text(json.dumps(members).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    if "=" in text:
        raise ValueError("base64url in a JWT has no padding")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)

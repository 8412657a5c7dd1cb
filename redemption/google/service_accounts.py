"""Keys of service accounts: read from the file that Google hands out, kept encrypted, loaded for use."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from google.auth.crypt import RSASigner

from credentials.encryption import decrypt, encrypt
from credentials.errors import Invalid
from credentials.loopback import is_protected
from redemption.google.errors import KeyRefused
from redemption.models import GoogleIssuer

# Google makes keys of 2048 bits; with more than 4096 a save link grows too long.
LEAST_BITS, MOST_BITS = 2048, 4096
MOST_BYTES = 100_000
LONGEST_EMAIL, LONGEST_URI = 254, 200
NAME = re.compile(r"[!-~]{1,100}")


@dataclass(frozen=True, kw_only=True)
class KeyFile:
    """What a good key file says; the key is PKCS #8 PEM, in clear."""

    email: str
    project_id: str
    key_id: str
    token_uri: str
    key_pem: bytes = field(repr=False)


def read_key_file(content: bytes) -> KeyFile:
    """Checks the JSON file that Google hands out with a key. Raises `Invalid` with the reason."""
    members = _members(content)
    return KeyFile(
        email=_email(members.get("client_email")),
        project_id=_name(members, "project_id"),
        key_id=_name(members, "private_key_id"),
        token_uri=_token_uri(members.get("token_uri")),
        key_pem=_key_pem(members.get("private_key")),
    )


def encrypted_key(checked: KeyFile, *, issuer_id: str) -> bytes:
    """The key as the database holds it."""
    return encrypt(checked.key_pem, purpose=_purpose(issuer_id))


def signer_of(issuer: GoogleIssuer) -> RSASigner:
    """What signs for the issuer's service account, RS256; the key is opened once per process.

    Raises `KeyRefused` when none was imported.
    """
    if issuer.private_key is None:
        raise KeyRefused("No key of a Google service account has been imported.")
    return _load(issuer.issuer_id, issuer.private_key_id, bytes(issuer.private_key))


@lru_cache(maxsize=256)
def _load(issuer_id: str, key_id: str, private_key: bytes) -> RSASigner:
    key_pem = decrypt(private_key, purpose=_purpose(issuer_id))
    signer: RSASigner = RSASigner.from_string(key_pem, key_id)
    return signer


def _members(content: bytes) -> dict[str, Any]:
    try:
        members = json.loads(content) if len(content) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        raise _refused("This is not the JSON file that Google hands out with a key.")
    if members.get("type") != "service_account":
        raise _refused("This is not the key of a service account: its type must be service_account.")
    return members


def _email(value: object) -> str:
    address = value if isinstance(value, str) and len(value) <= LONGEST_EMAIL else ""
    try:
        validate_email(address)
    except ValidationError as error:
        raise _refused("client_email is not an e-mail address.") from error
    return address


def _name(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise _refused(f"{name} is missing, or not a name of at most 100 characters.")
    return value


def _token_uri(value: object) -> str:
    if isinstance(value, str) and len(value) <= LONGEST_URI and is_protected(value):
        return value
    raise _refused("token_uri is not an https address.")


def _key_pem(value: object) -> bytes:
    try:
        key = load_pem_private_key(str(value).encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _refused("private_key holds no private key that can be read.") from error
    if not isinstance(key, RSAPrivateKey):
        raise _refused("private_key is not an RSA key.")
    if not LEAST_BITS <= key.key_size <= MOST_BITS:
        raise _refused(
            f"private_key has {key.key_size} bits, and must have between {LEAST_BITS} and {MOST_BITS}."
        )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _refused(sentence: str) -> Invalid:
    return Invalid("service_account", sentence)


def _purpose(issuer_id: str) -> str:
    return f"Google issuer {issuer_id}"

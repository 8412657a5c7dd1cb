"""Signs webhook messages as Standard Webhooks 1.0.0 lays down: ``v1`` (HMAC-SHA256) and ``v1a`` (Ed25519)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SECRET_PREFIX = "whsec_"
PRIVATE_KEY_PREFIX = "whsk_"
PUBLIC_KEY_PREFIX = "whpk_"
SECRET_SIZES = range(24, 65)
# An Ed25519 private key is written with its public key behind it.
PRIVATE_KEY_SIZE = 64
SEED_SIZE = 32

# The bytes of a shared secret sign as `v1`, a private key as `v1a`.
SigningKey = bytes | Ed25519PrivateKey


def sign(*, message_id: str, timestamp: datetime | int, body: bytes, secrets: Sequence[SigningKey]) -> str:
    """The ``webhook-signature`` value: one signature per live key, in the order given (newest first).

    ``body`` is signed byte for byte, so the same object must be sent. ``timestamp`` is the time of the
    attempt, in seconds since the epoch or as an aware datetime. Raises ValueError for no key at all or a
    secret outside 24 to 64 bytes, for a naive datetime, and for an id with a full stop (the separator).
    """
    if not secrets:
        raise ValueError("a message needs at least one secret")
    if not message_id or "." in message_id:
        raise ValueError("a message id must not be empty or contain a full stop")
    content = b"%s.%d.%s" % (message_id.encode(), epoch_seconds(timestamp), body)
    # Exactly one space: some verifiers fail on an empty entry.
    return " ".join(_signature(content, key=key) for key in secrets)


def signed_headers(
    *, message_id: str, timestamp: datetime | int, body: bytes, secrets: Sequence[SigningKey]
) -> dict[str, str]:
    """The three headers that accompany ``body``; arguments and errors are those of ``sign``."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(epoch_seconds(timestamp)),
        "webhook-signature": sign(message_id=message_id, timestamp=timestamp, body=body, secrets=secrets),
    }


def parse_secret(text: str) -> bytes:
    """The key bytes of a ``whsec_`` secret; raises ValueError when it is not one of 24 to 64 bytes."""
    return checked_secret(_parsed(text, prefix=SECRET_PREFIX))


def checked_secret(secret: bytes) -> bytes:
    """The key bytes as they are; raises ValueError when they are not 24 to 64."""
    if len(secret) not in SECRET_SIZES:
        raise ValueError("a webhook secret has 24 to 64 bytes")
    return secret


def format_secret(secret: bytes) -> str:
    """The text form of 24 to 64 key bytes, as receivers know it; raises ValueError for any other size."""
    return SECRET_PREFIX + base64.b64encode(checked_secret(secret)).decode()


def parse_private_key(text: str) -> Ed25519PrivateKey:
    """The key of a ``whsk_`` text; raises ValueError when it is not 64 bytes, or its halves do not match."""
    both = _parsed(text, prefix=PRIVATE_KEY_PREFIX)
    if len(both) != PRIVATE_KEY_SIZE:
        raise ValueError("a webhook private key has 64 bytes")
    key = Ed25519PrivateKey.from_private_bytes(both[:SEED_SIZE])
    if key.public_key().public_bytes_raw() != both[SEED_SIZE:]:
        raise ValueError("a webhook private key ends with its own public key")
    return key


def format_private_key(key: Ed25519PrivateKey) -> str:
    """The ``whsk_`` text of a private key: 32 bytes of seed and the 32 bytes of its public key."""
    both = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    return PRIVATE_KEY_PREFIX + base64.b64encode(both).decode()


def format_public_key(key: Ed25519PublicKey) -> str:
    """The ``whpk_`` text of a public key, as receivers know it."""
    return PUBLIC_KEY_PREFIX + base64.b64encode(key.public_bytes_raw()).decode()


def epoch_seconds(timestamp: datetime | int) -> int:
    """Whole seconds since the epoch; raises ValueError for a naive datetime, whose zone nobody can know."""
    if isinstance(timestamp, int):
        return timestamp
    if timestamp.tzinfo is None:
        raise ValueError("a message's timestamp must know its time zone")
    return int(timestamp.timestamp())


def _signature(content: bytes, *, key: SigningKey) -> str:
    if isinstance(key, Ed25519PrivateKey):
        return "v1a," + base64.b64encode(key.sign(content)).decode()
    digest = hmac.digest(checked_secret(key), content, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def _parsed(text: str, *, prefix: str) -> bytes:
    if not text.startswith(prefix):
        raise ValueError(f"a webhook secret of this kind starts with {prefix}")
    try:
        return base64.b64decode(text.removeprefix(prefix), validate=True)
    except binascii.Error:
        raise ValueError("a webhook secret is standard base64 after its prefix") from None

"""Signs webhook messages as Standard Webhooks 1.0.0 lays down, version ``v1`` (HMAC-SHA256)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

SECRET_PREFIX = "whsec_"
SECRET_SIZES = range(24, 65)


def sign(*, message_id: str, timestamp: datetime | int, body: bytes, secrets: Sequence[bytes]) -> str:
    """The ``webhook-signature`` value: one signature per live secret, in the order given (newest first).

    ``body`` is signed byte for byte, so the same object must be sent. ``timestamp`` is the time of the
    attempt, in seconds since the epoch or as an aware datetime. Raises ValueError for no secret at all or one
    outside 24 to 64 bytes, for a naive datetime, and for an id with a full stop (the separator).
    """
    if not secrets:
        raise ValueError("a message needs at least one secret")
    if not message_id or "." in message_id:
        raise ValueError("a message id must not be empty or contain a full stop")
    content = b"%s.%d.%s" % (message_id.encode(), epoch_seconds(timestamp), body)
    # Exactly one space: some verifiers fail on an empty entry.
    return " ".join(_signature(content, secret=secret) for secret in secrets)


def signed_headers(
    *, message_id: str, timestamp: datetime | int, body: bytes, secrets: Sequence[bytes]
) -> dict[str, str]:
    """The three headers that accompany ``body``; arguments and errors are those of ``sign``."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(epoch_seconds(timestamp)),
        "webhook-signature": sign(message_id=message_id, timestamp=timestamp, body=body, secrets=secrets),
    }


def parse_secret(text: str) -> bytes:
    """The key bytes of a ``whsec_`` secret; raises ValueError when it is not one of 24 to 64 bytes."""
    if not text.startswith(SECRET_PREFIX):
        raise ValueError(f"a webhook secret starts with {SECRET_PREFIX}")
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a webhook secret is standard base64 after its prefix") from None
    return _sized(secret)


def format_secret(secret: bytes) -> str:
    """The text form of 24 to 64 key bytes, as receivers know it; raises ValueError for any other size."""
    return SECRET_PREFIX + base64.b64encode(_sized(secret)).decode()


def epoch_seconds(timestamp: datetime | int) -> int:
    """Whole seconds since the epoch; raises ValueError for a naive datetime, whose zone nobody can know."""
    if isinstance(timestamp, int):
        return timestamp
    if timestamp.tzinfo is None:
        raise ValueError("a message's timestamp must know its time zone")
    return int(timestamp.timestamp())


def _signature(content: bytes, *, secret: bytes) -> str:
    digest = hmac.digest(_sized(secret), content, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def _sized(secret: bytes) -> bytes:
    if len(secret) not in SECRET_SIZES:
        raise ValueError("a webhook secret has 24 to 64 bytes")
    return secret

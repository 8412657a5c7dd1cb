"""Verifies what Google sends to a callback: ECv2SigningOnly, under the sender id GooglePayPasses.

A root key signs an intermediate key, which signs the message. Both signatures cover the texts exactly as they
were received; they are parsed only after that. Whatever is wrong with a message is one `Invalid`.
"""

from __future__ import annotations

import binascii
import json
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from credentials.errors import Invalid

PROTOCOL = "ECv2SigningOnly"
SENDER = b"GooglePayPasses"

# Bytes, and characters of the parts; genuine messages are far below.
MOST_BODY = 65_536
LONGEST_SIGNED_KEY = 2_000
LONGEST_SIGNATURE = 200
LONGEST_KEY = 200
MOST_SIGNATURES = 5
LONGEST = {"nonce": 100, "eventType": 50, "classId": 200, "objectId": 200}

_ECDSA = ec.ECDSA(hashes.SHA256())
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The last millisecond that a datetime can hold.
_LAST_MILLISECOND = 253_402_300_799_999
_DIGITS = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True)
class RootKey:
    """A key as Google publishes it: base64 of a DER SubjectPublicKeyInfo, and milliseconds since 1970.

    `read_root_keys` makes them, of keys that can be read.
    """

    key_value: str
    protocol_version: str
    key_expiration: int | None

    def is_valid(self, now: datetime) -> bool:
        """Whether it may sign intermediate keys at `now`; one without an end never may."""
        if self.protocol_version != PROTOCOL or self.key_expiration is None:
            return False
        return milliseconds(now) < self.key_expiration

    @property
    def ends_at(self) -> datetime | None:
        """When it stops being valid."""
        return None if self.key_expiration is None else moment(self.key_expiration)


@dataclass(frozen=True)
class Message:
    """What Google said; `body` is the signed JSON as it came."""

    nonce: str
    event_type: str
    class_id: str
    object_id: str
    expires_at: datetime
    body: str = field(repr=False)


def verify(body: bytes, *, root_keys: Sequence[RootKey], issuer_id: str, now: datetime) -> Message:
    """The message in `body`, the bytes of a POST, if Google signed it for this issuer and it is still valid.

    Raises `Invalid` for everything else, with the member of the JSON that is to blame. The rules are those of
    Tink's PaymentMethodTokenRecipient; that a message expires is Google's documentation's.
    """
    envelope = _envelope(body)
    key = _intermediate_key(envelope["intermediateSigningKey"], root_keys=root_keys, now=now)
    signed_message = _text(envelope, "signedMessage", longest=MOST_BODY)
    signature = _decoded(_text(envelope, "signature", longest=LONGEST_SIGNATURE), field="signature")
    signed = _signed(SENDER, issuer_id.encode(), PROTOCOL.encode(), _utf8(signed_message, "signedMessage"))
    if not _is_signed_by(key, signature, signed):
        raise Invalid("signature", "This message is not signed by Google for this issuer.")
    return _message(signed_message, now=now)


def read_root_keys(document: object) -> list[RootKey]:
    """The keys of a root key document that are well-formed and sign callbacks; others are dropped."""
    keys = document.get("keys") if isinstance(document, dict) else None
    found = [_root_key(each) for each in keys] if isinstance(keys, list) else []
    return [key for key in found if key is not None]


def read_json(text: str, *, field: str) -> dict[str, Any]:
    """A JSON object that every reader reads alike: no name twice, no NaN, nothing too deep or too large."""
    try:
        members = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise Invalid(field, "This is not JSON, or holds a name twice.") from None
    if not isinstance(members, dict):
        raise Invalid(field, "This must be a JSON object.")
    return members


def milliseconds(when: datetime) -> int:
    """Whole milliseconds since 1970, as Google counts."""
    return (when - _EPOCH) // timedelta(milliseconds=1)


def moment(count: int) -> datetime:
    """The moment that is so many milliseconds after 1970 began."""
    return _EPOCH + timedelta(milliseconds=count)


def _envelope(body: bytes) -> dict[str, Any]:
    if len(body) > MOST_BODY:
        raise Invalid("body", "This is too long.")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Invalid("body", "This is not UTF-8.") from None
    envelope = read_json(text, field="body")
    if envelope.keys() != {"signature", "intermediateSigningKey", "protocolVersion", "signedMessage"}:
        raise Invalid("body", "This must hold the four members of a signed message and no other.")
    if envelope["protocolVersion"] != PROTOCOL:
        raise Invalid("protocolVersion", f"This must be {PROTOCOL}.")
    return envelope


def _intermediate_key(
    part: object, *, root_keys: Sequence[RootKey], now: datetime
) -> ec.EllipticCurvePublicKey:
    """The key that signed the message, once a root key was found to have signed it."""
    name = "intermediateSigningKey"
    if not isinstance(part, dict) or part.keys() != {"signedKey", "signatures"}:
        raise Invalid(name, "This must hold signedKey and signatures, and nothing else.")
    signed_key = _text(part, "signedKey", longest=LONGEST_SIGNED_KEY)
    signed = _signed(SENDER, PROTOCOL.encode(), _utf8(signed_key, "signedKey"))
    signatures = _signatures(part["signatures"])
    roots = [_public_key(root.key_value) for root in root_keys if root.is_valid(now)]
    if not any(_is_signed_by(root, signature, signed) for signature in signatures for root in roots):
        raise Invalid(name, "This key is not signed by a root key of Google's that is valid now.")
    members = read_json(signed_key, field="signedKey")
    expiration = _expiration(members.get("keyExpiration"))
    if expiration is None or expiration <= milliseconds(now):
        raise Invalid(name, "This key has expired.")
    key = _public_key_or_none(members.get("keyValue"))
    if key is None:
        raise Invalid(name, "This is not a public key on the curve P-256.")
    return key


def _signatures(texts: object) -> list[bytes]:
    if not isinstance(texts, list) or not 1 <= len(texts) <= MOST_SIGNATURES:
        raise Invalid("signatures", f"This must be a list of 1 to {MOST_SIGNATURES} signatures.")
    return [_decoded(text, field="signatures") for text in texts]


def _message(signed_message: str, *, now: datetime) -> Message:
    members = read_json(signed_message, field="signedMessage")
    expires = members.get("expTimeMillis")
    # A bool is an int to Python.
    if type(expires) is not int or not 0 < expires <= _LAST_MILLISECOND:
        raise Invalid("expTimeMillis", "This must be a whole number of milliseconds since 1970.")
    if expires <= milliseconds(now):
        raise Invalid("expTimeMillis", "This message has expired.")
    return Message(
        nonce=_named(members, "nonce"),
        event_type=_named(members, "eventType"),
        # A kind of message that we do not know may name something else instead.
        class_id=_named(members, "classId") if "classId" in members else "",
        object_id=_named(members, "objectId") if "objectId" in members else "",
        expires_at=moment(expires),
        body=signed_message,
    )


def _named(members: dict[str, Any], name: str) -> str:
    text = _text(members, name, longest=LONGEST[name])
    # Neither a control character nor half of a surrogate pair, which no database takes.
    if not text or not text.isprintable():
        raise Invalid(name, "This must be a text without control characters.")
    return text


def _text(members: dict[str, Any], name: str, *, longest: int) -> str:
    text = members.get(name)
    if not isinstance(text, str):
        raise Invalid(name, "This must be a text.")
    if len(text) > longest:
        raise Invalid(name, "This is too long.")
    return text


def _utf8(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Invalid(name, "This is not text: half of a surrogate pair stands alone.") from None


def _signed(*parts: bytes) -> bytes:
    """What a signature covers: each part after its length in bytes, as four bytes, the lowest first."""
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def _decoded(text: object, *, field: str) -> bytes:
    if not isinstance(text, str) or len(text) > LONGEST_SIGNATURE:
        raise Invalid(field, "A signature must be a short text.")
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise Invalid(field, "A signature must be base64.") from None


def _is_signed_by(key: ec.EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, _ECDSA)
    except InvalidSignature:
        return False
    return True


def _root_key(member: object) -> RootKey | None:
    if not isinstance(member, dict) or member.get("protocolVersion") != PROTOCOL:
        return None
    value, expiration = member.get("keyValue"), _expiration(member.get("keyExpiration"))
    if expiration is None or not isinstance(value, str) or _public_key_or_none(value) is None:
        return None
    return RootKey(value, PROTOCOL, expiration)


def _expiration(text: object) -> int | None:
    """Milliseconds since 1970, which keys carry as a string of digits."""
    if not isinstance(text, str) or not _DIGITS.fullmatch(text):
        return None
    return min(int(text), _LAST_MILLISECOND)


def _public_key_or_none(text: object) -> ec.EllipticCurvePublicKey | None:
    if not isinstance(text, str) or len(text) > LONGEST_KEY:
        return None
    try:
        return _public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        return None


# Parsing a key takes longer than using it. Only signed keys come here, so nobody else can fill it.
@lru_cache(maxsize=64)
def _public_key(text: str) -> ec.EllipticCurvePublicKey:
    key = load_der_public_key(binascii.a2b_base64(text, strict_mode=True))
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("not a key on the curve P-256")
    return key


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)

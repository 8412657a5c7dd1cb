"""Messages as Google signs them, for tests to change one thing in."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from credentials.errors import Invalid
from redemption.google.signatures import Message, RootKey, read_root_keys, verify
from tests.fakes.google_signing import Signer, callback_message, public_text, signed_bytes

ISSUER = "3388000000012345678"
SIGNER = Signer()
DOCUMENT = SIGNER.root_keys()
ROOTS = read_root_keys(DOCUMENT)
OBJECT = f"{ISSUER}.object"
CLASS = f"{ISSUER}.class"
# Seconds; what tests sign beforehand must not expire while others run.
YEAR = 365 * 86_400


def said(**changes: Any) -> dict[str, Any]:
    message = callback_message("save", object_id=OBJECT, class_id=CLASS, nonce="nonce-1", lifetime=YEAR)
    return {name: value for name, value in {**message, **changes}.items() if value is not None}


def read(body: bytes, *, roots: list[RootKey] = ROOTS, now: datetime | None = None) -> Message:
    return verify(body, root_keys=roots, issuer_id=ISSUER, now=now or datetime.now(UTC))


def refusal(body: bytes, *, roots: list[RootKey] = ROOTS, now: datetime | None = None) -> tuple[str, str]:
    """The field and the sentence with which a body is refused."""
    with pytest.raises(Invalid) as caught:
        read(body, roots=roots, now=now)
    return caught.value.field, caught.value.sentence


def signed_text(text: str, *, signer: Signer = SIGNER) -> bytes:
    """A callback whose signed message is `text`, JSON or not."""
    envelope = json.loads(signer.envelope(said(), recipient=ISSUER))
    covered = signed_bytes(signer.sender, ISSUER, signer.protocol, text)
    envelope |= {"signedMessage": text, "signature": _sign(signer.intermediate, covered)}
    return json.dumps(envelope, ensure_ascii=False).encode()


def with_key(text: str, *, signer: Signer = SIGNER) -> bytes:
    """A callback whose intermediate key says `text`, and is signed by the root."""
    envelope = json.loads(signer.envelope(said(), recipient=ISSUER))
    vouched = _sign(signer.root, signed_bytes(signer.sender, signer.protocol, text))
    envelope["intermediateSigningKey"] = {"signedKey": text, "signatures": [vouched]}
    return json.dumps(envelope, ensure_ascii=False).encode()


def intermediate(**changes: Any) -> str:
    expires = str(int(time.time() * 1000) + 60_000)
    members = {"keyValue": public_text(SIGNER.intermediate), "keyExpiration": expires, **changes}
    return json.dumps({name: value for name, value in members.items() if value is not None})


def der(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(public).decode()


def _sign(key: ec.EllipticCurvePrivateKey, covered: bytes) -> str:
    return base64.b64encode(key.sign(covered, ec.ECDSA(SHA256()))).decode()

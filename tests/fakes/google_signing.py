"""Signs messages as Google signs its callbacks: ECDSA over P-256 in two steps, `ECv2SigningOnly`."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SENDER = "GooglePayPasses"
PROTOCOL = "ECv2SigningOnly"
# Seconds.
ROOT_LIFETIME = 2 * 86_400
INTERMEDIATE_LIFETIME = 7 * 86_400
MESSAGE_LIFETIME = 600


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key on the curve that Google uses."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Signer:
    """A root key, an intermediate key under it, and what is written over both; `replace` makes a forger."""

    root: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    intermediate: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    # Who signs the messages, when it is not whom the root vouches for.
    hand: ec.EllipticCurvePrivateKey | None = None
    sender: str = SENDER
    protocol: str = PROTOCOL
    key_expires_in: float = INTERMEDIATE_LIFETIME

    def envelope(self, message: Mapping[str, Any], *, recipient: str) -> bytes:
        """The body of a callback to an issuer."""
        expires = _millis(time.time() + self.key_expires_in)
        signed_key = _gson({"keyValue": public_text(self.intermediate), "keyExpiration": str(expires)})
        signed_message = _gson(message)
        vouched = signed_bytes(self.sender, self.protocol, signed_key)
        said = signed_bytes(self.sender, recipient, self.protocol, signed_message)
        envelope = {
            "signature": _sign(self.hand or self.intermediate, said),
            "intermediateSigningKey": {"signedKey": signed_key, "signatures": [_sign(self.root, vouched)]},
            "protocolVersion": self.protocol,
            "signedMessage": signed_message,
        }
        return json.dumps(envelope, separators=(",", ":"), ensure_ascii=False).encode()

    def root_keys(self, *, expires_in: float = ROOT_LIFETIME) -> dict[str, Any]:
        """The document of root keys that verifies this signer."""
        expires = str(_millis(time.time() + expires_in))
        key = {"keyValue": public_text(self.root), "protocolVersion": PROTOCOL, "keyExpiration": expires}
        return {"keys": [key]}

    def but(self, **changed: Any) -> Signer:
        """The same signer with something that is not as it should be."""
        return replace(self, **changed)


def callback_message(
    event_type: str,
    *,
    object_id: str,
    class_id: str,
    nonce: str,
    lifetime: float = MESSAGE_LIFETIME,
    **extra: object,
) -> dict[str, Any]:
    """What Google says of a save or a removal (`del`); `lifetime` is in seconds."""
    return {
        "classId": class_id,
        "objectId": object_id,
        "eventType": event_type,
        "expTimeMillis": _millis(time.time() + lifetime),
        "count": 1,
        "nonce": nonce,
        **extra,
    }


def signed_bytes(*parts: str) -> bytes:
    """The parts one after another, each behind its length in UTF-8 bytes (4 bytes, little-endian)."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "little") + part for part in encoded)


def public_text(key: ec.EllipticCurvePrivateKey) -> str:
    """A public key as base64 of its DER SubjectPublicKeyInfo."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def _sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> str:
    return base64.b64encode(key.sign(data, ec.ECDSA(SHA256()))).decode()


def _gson(members: Mapping[str, Any]) -> str:
    """JSON as Google's serialiser writes it: compact, and what HTML could trip over escaped."""
    text = json.dumps(members, separators=(",", ":"), ensure_ascii=False)
    for character in "=<>&'":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _millis(seconds: float) -> int:
    return int(seconds * 1000)

"""How fast callbacks of Google's are verified, against nothing but the two signatures that each has."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from redemption.google.signatures import read_root_keys, verify
from tests.fakes.google_signing import Signer, callback_message, signed_bytes

ROUNDS = 40
CALLBACKS_A_ROUND = 100
ISSUER = "3388000000012345678"

Work = Callable[[], object]


def main() -> None:
    """Print verifications per second: whole callbacks, each with its envelope, its keys and its dates."""
    signer = Signer()
    body = signer.envelope(_message(), recipient=ISSUER)
    rates: dict[str, list[float]] = {"bare": [], "ours": []}
    for _ in range(ROUNDS):
        # In turn, so that a busy machine slows both alike.
        rates["bare"].append(_rate(_bare_verifications(signer, body)))
        rates["ours"].append(_rate(_our_verification(signer, body)))
    ratio = median(ours / bare for ours, bare in zip(rates["ours"], rates["bare"], strict=True))
    sys.stdout.write(
        f"callback: {median(rates['ours']):.0f} verifications/s "
        f"(ratio {ratio:.2f} of two bare P-256 verifications)\n"
    )


def _rate(work: Work) -> float:
    started = time.perf_counter()
    for _ in range(CALLBACKS_A_ROUND):
        work()
    return CALLBACKS_A_ROUND / (time.perf_counter() - started)


def _our_verification(signer: Signer, body: bytes) -> Work:
    roots = read_root_keys(signer.root_keys())
    return lambda: verify(body, root_keys=roots, issuer_id=ISSUER, now=datetime.now(UTC))


def _bare_verifications(signer: Signer, body: bytes) -> Work:
    envelope = json.loads(body)
    key = envelope["intermediateSigningKey"]
    algorithm = ec.ECDSA(SHA256())
    parts = [
        (
            signer.root.public_key(),
            base64.b64decode(key["signatures"][0]),
            signed_bytes(signer.sender, signer.protocol, key["signedKey"]),
        ),
        (
            signer.intermediate.public_key(),
            base64.b64decode(envelope["signature"]),
            signed_bytes(signer.sender, ISSUER, signer.protocol, envelope["signedMessage"]),
        ),
    ]

    def verify_both() -> None:
        for public_key, signature, signed in parts:
            public_key.verify(signature, signed, algorithm)

    return verify_both


def _message() -> dict[str, object]:
    return callback_message(
        "save",
        object_id=f"{ISSUER}.9fd4e525777c4e0d878ab7993e211997",
        class_id=f"{ISSUER}.0123456789abcdef01234567",
        nonce="c1359b53-f2bb-4e8f-b392-9a560a21a9a0",
        lifetime=86_400,
    )


if __name__ == "__main__":
    main()

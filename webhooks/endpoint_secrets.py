"""The signing keys of endpoints: minted, rotated and opened here; nothing else reads them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db.models import Q

from credentials import encryption, tokens
from credentials.errors import Conflict
from webhooks.look_ups import Target, find_secrets
from webhooks.models import Endpoint, EndpointSecret, SignatureScheme
from webhooks.signing import (
    SigningKey,
    checked_secret,
    format_private_key,
    format_public_key,
    parse_private_key,
    parse_secret,
)

logger = logging.getLogger(__name__)

# As many signatures as a receiver's server surely takes in one header.
MOST_LIVE_KEYS = 10


def mint(endpoint: Endpoint) -> str | None:
    """A new current key of the endpoint's scheme.

    For `v1`, its `whsec_` form, which nobody can read again afterwards; for `v1a` nothing: receivers need the
    public key alone, which stays readable.
    """
    if endpoint.signature_scheme == SignatureScheme.V1A:
        _mint_pair(endpoint)
        return None
    text = tokens.mint_webhook_secret()
    ciphertext = encryption.encrypt(parse_secret(text), purpose=_purpose(endpoint, SignatureScheme.V1))
    EndpointSecret.objects.create(endpoint=endpoint, ciphertext=ciphertext)
    return text


def rotate(endpoint: Endpoint, *, overlap: timedelta, now: datetime) -> str | None:
    """A new current key; the former ones sign along for `overlap` at most. The caller holds the row.

    Raises `Conflict` when more keys would sign than a header has room for.
    """
    end = now + overlap
    endpoint.secrets.filter(expires_at__lte=now).delete()
    endpoint.secrets.filter(Q(expires_at=None) | Q(expires_at__gt=end)).update(expires_at=end)
    if overlap and endpoint.secrets.count() >= MOST_LIVE_KEYS:
        raise Conflict(f"{MOST_LIVE_KEYS} keys sign already; rotate with an overlap of 0, or wait.")
    return mint(endpoint)


def live_keys(endpoints: Iterable[Endpoint | Target], *, now: datetime) -> dict[int, list[SigningKey]]:
    """The keys to sign with at `now`, by endpoint's primary key, the newest first.

    A key that cannot be decrypted any more, or is malformed, is logged and left out; it stops no others.
    """
    named = {endpoint.pk: endpoint for endpoint in endpoints}
    keys: dict[int, list[SigningKey]] = {pk: [] for pk in named}
    for pk, endpoint_id, public_key, ciphertext in find_secrets(keys, now=now):
        scheme = SignatureScheme.V1A if public_key else SignatureScheme.V1
        try:
            key = _open(bytes(ciphertext), _purpose(named[endpoint_id], scheme), scheme)
        except (encryption.Undecryptable, ValueError) as error:
            logger.error(
                "secret %s of endpoint %s cannot be used: %s", pk, named[endpoint_id].public_id, error
            )
        else:
            keys[endpoint_id].append(key)
    return keys


def _mint_pair(endpoint: Endpoint) -> None:
    key = Ed25519PrivateKey.from_private_bytes(tokens.mint_webhook_seed())
    purpose = _purpose(endpoint, SignatureScheme.V1A)
    EndpointSecret.objects.create(
        endpoint=endpoint,
        ciphertext=encryption.encrypt(format_private_key(key).encode(), purpose=purpose),
        public_key=format_public_key(key.public_key()),
    )


# By ciphertext, so that a key that changes in the database changes here.
@lru_cache(maxsize=10_000)
def _open(ciphertext: bytes, purpose: str, scheme: SignatureScheme) -> SigningKey:
    secret = encryption.decrypt(ciphertext, purpose=purpose)
    if scheme == SignatureScheme.V1A:
        return parse_private_key(secret.decode(errors="replace"))
    return checked_secret(secret)


def _purpose(endpoint: Endpoint | Target, scheme: SignatureScheme) -> str:
    kind = "private key" if scheme == SignatureScheme.V1A else "secret"
    return f"webhook {kind} of endpoint {endpoint.public_id}"

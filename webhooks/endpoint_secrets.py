"""The signing secrets of endpoints: minted, rotated and opened here; nothing else reads them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from credentials import encryption, tokens
from webhooks.models import Endpoint, EndpointSecret
from webhooks.signing import parse_secret

logger = logging.getLogger(__name__)


def mint(endpoint: Endpoint) -> str:
    """A new current secret in its `whsec_` form, which nobody can read again afterwards."""
    text = tokens.mint_webhook_secret()
    EndpointSecret.objects.create(
        endpoint=endpoint, ciphertext=encryption.encrypt(parse_secret(text), purpose=_purpose(endpoint))
    )
    return text


def rotate(endpoint: Endpoint, *, overlap: timedelta, now: datetime) -> str:
    """A new current secret; the former ones sign along for `overlap` at most. The caller holds the row."""
    end = now + overlap
    endpoint.secrets.filter(expires_at__lte=now).delete()
    endpoint.secrets.filter(Q(expires_at=None) | Q(expires_at__gt=end)).update(expires_at=end)
    return mint(endpoint)


def live_keys(endpoints: Iterable[Endpoint], *, now: datetime) -> dict[int, list[bytes]]:
    """The key bytes to sign with at `now`, by endpoint's primary key, the newest first.

    A secret that cannot be decrypted any more is logged and left out.
    """
    keys: dict[int, list[bytes]] = {endpoint.pk: [] for endpoint in endpoints}
    for secret in EndpointSecret.objects.live(now).filter(endpoint__in=keys).select_related("endpoint"):
        try:
            key = encryption.decrypt(bytes(secret.ciphertext), purpose=_purpose(secret.endpoint))
        except encryption.Undecryptable as error:
            logger.error("%s of %s cannot be used: %s", secret, secret.endpoint, error)
        else:
            keys[secret.endpoint_id].append(key)
    return keys


def _purpose(endpoint: Endpoint) -> str:
    return f"webhook secret of endpoint {endpoint.public_id}"

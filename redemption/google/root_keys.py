"""Google's root keys: fetched in the background before they go stale, never because of what a message says.

They are kept in one row, so that all processes share what one of them fetched. Parsed, they stay in each
process's memory (see `signatures`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus

import requests
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from credentials.errors import Invalid, Unavailable
from redemption.google.connections import Answer, connected, exchange
from redemption.google.errors import Unreachable
from redemption.google.signatures import RootKey, read_json, read_root_keys
from redemption.models import GoogleIssuer, GoogleRootKeys

logger = logging.getLogger(__name__)

# All processes together ask no more often than this, whatever happens.
PAUSE = timedelta(seconds=30)
# How long an answer is fresh, if it does not say so itself, and within which bounds it may.
UNTOLD = timedelta(hours=1)
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=7)
MOST_KEYS = 20

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})", re.IGNORECASE)
_UNCACHED = re.compile(r"(?:^|[\s,])no-(?:cache|store)\b", re.IGNORECASE)


def valid_keys(*, now: datetime) -> list[RootKey]:
    """The root keys that may sign at `now`; they are fetched only when there is none at all.

    Raises `Unavailable` when there is none and Google cannot be asked, or was asked a moment ago.
    """
    keys = _valid(_row(), now)
    if not keys and _take_turn(now):
        fetch(now=now)
        keys = _valid(_row(), now)
    if not keys:
        raise Unavailable("Google's root keys cannot be fetched at the moment.")
    return keys


def refresh_due() -> bool:
    """Fetches the keys when half of their time is over; whether there are new ones.

    An installation without an issuer has no use for them, and asks for nothing.
    """
    now = timezone.now()
    row = _row()
    if not _is_half_over(row, now) or not GoogleIssuer.objects.exists() or not _take_turn(now):
        return False
    return fetch(now=now)


def fetch(*, now: datetime) -> bool:
    """Asks Google for the keys and keeps those that are well-formed; whether there were any.

    A failure is logged and leaves the keys that are there, which stay good until they end.
    """
    try:
        answer = exchange(connected(requests.Session()), "GET", settings.GOOGLE_ROOT_KEYS_URL)
    except Unreachable as failure:
        return _failed(failure.sentence, now=now)
    keys = [key for key in _keys_in(answer) if key.is_valid(now)][:MOST_KEYS]
    if not keys:
        return _failed(f"the answer ({answer.status}) holds no key that is valid", now=now)
    _keep(keys, fresh_until=_fresh_until(keys, answer.headers, now), now=now)
    return True


def _row() -> GoogleRootKeys:
    url = settings.GOOGLE_ROOT_KEYS_URL
    return GoogleRootKeys.objects.filter(url=url).first() or GoogleRootKeys(url=url)


def _valid(row: GoogleRootKeys, now: datetime) -> list[RootKey]:
    return [key for key in read_root_keys(row.document) if key.is_valid(now)]


def _is_half_over(row: GoogleRootKeys, now: datetime) -> bool:
    if row.fetched_at is None or row.fresh_until is None:
        return True
    return now >= row.fetched_at + (row.fresh_until - row.fetched_at) / 2


def _take_turn(now: datetime) -> bool:
    """Whether this process may ask now: one of all that would, and nobody for a while after."""
    url = settings.GOOGLE_ROOT_KEYS_URL
    rows = GoogleRootKeys.objects.filter(url=url)
    # Looked at before it is written, so that a flood of requests does not become a flood of writes.
    if rows.filter(asked_at__gt=now - PAUSE).exists():
        return False
    GoogleRootKeys.objects.bulk_create([GoogleRootKeys(url=url)], ignore_conflicts=True)
    return rows.filter(Q(asked_at=None) | Q(asked_at__lte=now - PAUSE)).update(asked_at=now) == 1


def _keys_in(answer: Answer) -> list[RootKey]:
    if answer.status != HTTPStatus.OK:
        return []
    try:
        return read_root_keys(read_json(answer.data.decode(), field="keys"))
    except (UnicodeDecodeError, Invalid):
        return []


def _failed(reason: str, *, now: datetime) -> bool:
    left = _valid(_row(), now)
    level = logging.WARNING if left else logging.ERROR
    logger.log(level, "Google's root keys were not fetched, %d are still valid: %s", len(left), reason)
    return False


def _fresh_until(keys: list[RootKey], headers: Mapping[str, str], now: datetime) -> datetime:
    """As long as Cache-Control allows (RFC 9111, section 4.2), and no longer than the first key is valid."""
    told = _MAX_AGE.search(headers.get("Cache-Control", ""))
    lifetime = timedelta(seconds=int(told[1]) - _age(headers)) if told else UNTOLD
    if _UNCACHED.search(headers.get("Cache-Control", "")):
        lifetime = SHORTEST
    ends = [key.ends_at for key in keys if key.ends_at is not None]
    return min(now + min(max(lifetime, SHORTEST), LONGEST), *ends)


def _age(headers: Mapping[str, str]) -> int:
    age = headers.get("Age", "")
    return int(age) if re.fullmatch(r"[0-9]{1,9}", age) else 0


def _keep(keys: list[RootKey], *, fresh_until: datetime, now: datetime) -> None:
    document = {
        "keys": [
            {
                "keyValue": key.key_value,
                "protocolVersion": key.protocol_version,
                "keyExpiration": str(key.key_expiration),
            }
            for key in keys
        ]
    }
    GoogleRootKeys.objects.filter(url=settings.GOOGLE_ROOT_KEYS_URL).update(
        document=document, fetched_at=now, fresh_until=fresh_until
    )

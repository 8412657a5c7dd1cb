"""Carries one POST to a stranger and comes back in time, whatever the stranger does.

Redirects are not followed, proxies of the environment not used, cookies not kept, answers not unpacked.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from webhooks.addresses import Policy
from webhooks.connector import RefusedAddress, checked_connector
from webhooks.outcomes import Outcome
from webhooks.resolver import Lookup, NoNameServer, system_lookup
from webhooks.targets import RefusedURL, check_url

logger = logging.getLogger(__name__)

DEADLINE_SECONDS = 15.0
EXCERPT_BYTES = 16_384
HEADERS = {
    "User-Agent": "PassFlow-Webhooks/1",
    "Content-Type": "application/json",
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True)
class Result:
    """What came of one attempt: the answer's first 16 kB, and the seconds it asked to be left alone."""

    outcome: Outcome
    duration_ms: int
    status: int | None = None
    excerpt: bytes = b""
    retry_after: int | None = None


@dataclass(frozen=True)
class Transport:
    """An open pool of connections under one policy; made by ``open_transport``."""

    session: aiohttp.ClientSession
    policy: Policy
    deadline: float

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Result:
        """Sends the very bytes of ``body``; raises nothing for what the target or the network does.

        The deadline spans resolving, connecting, sending and the whole answer. An answer counts once it is
        complete or 16 kB of it have come: 2xx succeeds, 410 is gone, everything else fails.
        """
        answer = _Answer()
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.deadline):
                await self._exchange(url, headers=headers, body=body, answer=answer)
            outcome = _outcome_of(answer.status)
        except (aiohttp.ClientError, OSError, RefusedURL) as error:
            outcome = _outcome_of_error(error)
        return Result(
            outcome=outcome,
            duration_ms=round((time.monotonic() - began) * 1000),
            status=answer.status or None,
            excerpt=bytes(answer.excerpt),
            retry_after=parse_retry_after(answer.retry_after),
        )

    async def _exchange(self, url: str, *, headers: Mapping[str, str], body: bytes, answer: _Answer) -> None:
        target = URL(check_url(url, policy=self.policy), encoded=True)
        async with self.session.post(target, headers=headers, data=body, allow_redirects=False) as response:
            answer.status = response.status
            answer.retry_after = response.headers.get("Retry-After", "")
            while len(answer.excerpt) < EXCERPT_BYTES:
                chunk = await response.content.read(EXCERPT_BYTES - len(answer.excerpt))
                if not chunk:
                    return
                answer.excerpt += chunk
            # There may be gigabytes left, and leaving the block would read them to keep the connection.
            response.close()


@asynccontextmanager
async def open_transport(
    *,
    policy: Policy,
    lookup: Lookup | None = None,
    trust: ssl.SSLContext | None = None,
    deadline: float = DEADLINE_SECONDS,
) -> AsyncIterator[Transport]:
    """A transport for as long as the block lasts; ``deadline`` is in seconds for each attempt.

    Names are looked up by the system, and certificates trusted as it does, unless one says otherwise.
    """
    async with system_lookup() as by_system:
        session = aiohttp.ClientSession(
            connector=checked_connector(policy=policy, lookup=lookup or by_system, trust=trust),
            headers=HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            # The deadline is asyncio's: aiohttp rounds its own up to whole seconds.
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            trust_env=False,
        )
        async with session:
            yield Transport(session=session, policy=policy, deadline=deadline)


def parse_retry_after(text: str) -> int | None:
    """Seconds from now that a Retry-After header asks for (RFC 9110 section 10.2.3), never negative."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    try:
        wait = parsedate_to_datetime(text) - datetime.now(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0, round(wait.total_seconds()))


@dataclass
class _Answer:
    """What has come so far, kept when the deadline cuts the rest off."""

    status: int = 0
    retry_after: str = ""
    excerpt: bytearray = field(default_factory=bytearray)


def _outcome_of(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome.SUCCEEDED
    return Outcome.GONE if status == 410 else Outcome.FAILED


# In this order: a kind may also be one of those below it.
_ERRORS: dict[type[Exception], Outcome] = {
    TimeoutError: Outcome.TIMED_OUT,
    RefusedURL: Outcome.REFUSED_TARGET,
    aiohttp.ClientConnectorDNSError: Outcome.UNRESOLVED,
    aiohttp.ClientSSLError: Outcome.UNTRUSTED,
    aiohttp.ClientConnectorError: Outcome.UNREACHABLE,
}


# No file descriptor is left to this process, or to this machine.
_OWN_ERRORS = frozenset({errno.EMFILE, errno.ENFILE})


def _outcome_of_error(error: Exception) -> Outcome:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, RefusedAddress):
        return Outcome.REFUSED_TARGET
    if isinstance(cause, NoNameServer) or getattr(cause, "errno", None) in _OWN_ERRORS:
        logger.error("an attempt could not be made: %s", cause)
        return Outcome.INTERNAL_ERROR
    return next((outcome for kind, outcome in _ERRORS.items() if isinstance(error, kind)), Outcome.BROKEN)

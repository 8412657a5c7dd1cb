"""Tells Apple's push service that a pass has changed: HTTP/2, with the pass type certificate.

Rules: Apple, "Sending notification requests to APNs" and "Handling notification responses from APNs".
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from itertools import islice
from pathlib import Path
from typing import Any, Self

import httpx
from h2.exceptions import H2Error

# Apple keeps one push per phone and pass type for a phone that is off; it should find it whenever it is back.
KEPT_FOR = timedelta(days=30)
# Apple wants connections to last, but firewalls drop idle ones after about as long without telling anybody.
IDLE_SECONDS = 300
CONCURRENT_PUSHES = 16
LONGEST_REASON = 100
PUSH_TOKEN = re.compile(r"[0-9A-Fa-f]{2,200}")


class PushKind(Enum):
    """What to do after a push."""

    DELIVERED = auto()
    """Nothing: Apple has it."""
    DROP_TOKEN = auto()
    """Forget this token, unless its phone has sent another since."""
    UNREGISTERED = auto()
    """Forget what was registered with this token up to `unregistered_at`."""
    CREDENTIAL_REFUSED = auto()
    """Stop pushing with this certificate and tell the operator."""
    THROTTLED = auto()
    """Push to this phone later, and less often."""
    RETRY_LATER = auto()
    """Push again in about 15 minutes, then ever later; a second push of the same change does no harm."""
    BUG = auto()
    """Tell us: this request should never have been sent."""


BY_STATUS = {
    200: PushKind.DELIVERED,
    403: PushKind.CREDENTIAL_REFUSED,
    410: PushKind.UNREGISTERED,
    429: PushKind.THROTTLED,
}
BY_REASON_OF_400 = {
    "BadDeviceToken": PushKind.DROP_TOKEN,
    "DeviceTokenNotForTopic": PushKind.DROP_TOKEN,
    "BadTopic": PushKind.CREDENTIAL_REFUSED,
    "MissingTopic": PushKind.CREDENTIAL_REFUSED,
    "TopicDisallowed": PushKind.CREDENTIAL_REFUSED,
    "IdleTimeout": PushKind.RETRY_LATER,
}
# TLS alerts by which a server turns away the certificate itself (RFC 8446, section 6.2).
REFUSING_ALERT = re.compile("ALERT_.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)")
UNREACHABLE = (httpx.ConnectError, httpx.ConnectTimeout)


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """What became of one push; when Apple did not answer, `status` is None and `reason` names the cause."""

    kind: PushKind
    reason: str = ""
    status: int | None = None
    apns_id: str = ""
    unregistered_at: datetime | None = None
    for_every_token: bool = False
    """Any other push sent now would end the same way."""


class Apns:
    """One connection to Apple for one pass type certificate, open while entered; not for use by two threads.

    `certificate_pem` and `key_pem` are PEM, the key unencrypted; ssl.SSLError when they do not fit together.
    `extra_ca` names a PEM file trusted beside the public roots; `deadline` is in seconds, for a whole push.
    """

    def __init__(
        self,
        base_url: str,
        *,
        certificate_pem: bytes,
        key_pem: bytes,
        extra_ca: Path | None = None,
        deadline: float = 15,
    ) -> None:
        self._deadline = deadline
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(
            base_url=base_url,
            verify=_tls(certificate_pem, key_pem=key_pem, extra_ca=extra_ca),
            http1=False,
            http2=True,
            trust_env=False,
            # The deadline ends one push; before that, silence condemns the connection. Connecting and TLS get
            # a share each, as httpcore leaves the socket open when a handshake is cancelled from outside.
            timeout=httpx.Timeout(deadline * 0.7, connect=deadline * 0.3, pool=None),
            limits=httpx.Limits(max_connections=1, keepalive_expiry=IDLE_SECONDS),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def push(self, push_token: str, *, topic: str) -> PushAnswer:
        """Push once; `topic` is the pass type identifier. The wire failing is an answer, never raised."""
        return self._runner.run(self._push(push_token, topic=topic))

    def push_all(self, push_tokens: Iterable[str], *, topic: str) -> dict[str, PushAnswer]:
        """Push to many phones over the one connection; answers by token.

        Once the certificate is refused or Apple cannot be reached, the tokens left get that answer unsent.
        """
        return self._runner.run(self._push_all(push_tokens, topic=topic))

    async def _push_all(self, push_tokens: Iterable[str], *, topic: str) -> dict[str, PushAnswer]:
        answers: dict[str, PushAnswer] = {}
        waiting = iter(dict.fromkeys(push_tokens))
        final: list[PushAnswer] = []

        async def push_next(tokens: Iterable[str]) -> None:
            for push_token in tokens:
                answers[push_token] = final[0] if final else await self._push(push_token, topic=topic)
                if answers[push_token].for_every_token:
                    final.append(answers[push_token])

        # The first goes alone: it opens the connection, and takes the blame if the certificate is refused.
        await push_next(islice(waiting, 1))
        async with asyncio.TaskGroup() as lanes:
            for _ in range(CONCURRENT_PUSHES):
                lanes.create_task(push_next(waiting))
        return answers

    async def _push(self, push_token: str, *, topic: str) -> PushAnswer:
        if not PUSH_TOKEN.fullmatch(push_token):
            return PushAnswer(PushKind.DROP_TOKEN, "NotHexadecimal")
        try:
            async with asyncio.timeout(self._deadline):
                return await self._post_over_a_live_connection(push_token, topic=topic)
        except (httpx.RequestError, H2Error, OSError) as error:
            return _unanswered(error)

    async def _post_over_a_live_connection(self, push_token: str, *, topic: str) -> PushAnswer:
        try:
            return await self._post(push_token, topic=topic)
        except (httpx.ReadError, httpx.WriteError, httpx.ProtocolError):
            # Apple winds connections up (GOAWAY) as it pleases; the next request opens another.
            return await self._post(push_token, topic=topic)

    async def _post(self, push_token: str, *, topic: str) -> PushAnswer:
        sent_at = datetime.now(UTC)
        headers = {
            "apns-topic": topic,
            "apns-push-type": "background",
            "apns-priority": "5",
            "apns-expiration": str(int((sent_at + KEPT_FOR).timestamp())),
        }
        response = await self._client.post(f"/3/device/{push_token}", headers=headers, content=b"{}")
        told = _members(response.content)
        reason = str(told.get("reason", ""))[:LONGEST_REASON]
        kind = _kind(response.status_code, reason=reason)
        unregistered_at = _moment(told, latest=sent_at) if kind is PushKind.UNREGISTERED else None
        return PushAnswer(
            kind,
            reason,
            response.status_code,
            apns_id=response.headers.get("apns-id", ""),
            unregistered_at=unregistered_at,
            for_every_token=kind is PushKind.CREDENTIAL_REFUSED,
        )


def _tls(certificate_pem: bytes, *, key_pem: bytes, extra_ca: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if extra_ca is not None:
        context.load_verify_locations(extra_ca)
    with _readable_path(certificate_pem + b"\n" + key_pem) as path:
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(path, password="")
    return context


@contextmanager
def _readable_path(secret: bytes) -> Iterator[str]:
    """Lend a path to bytes that OpenSSL reads from nowhere else; on Linux they never touch a disk."""
    if sys.platform == "linux":
        with os.fdopen(os.memfd_create("pass-certificate"), "wb") as memory:
            memory.write(secret)
            memory.flush()
            yield f"/proc/self/fd/{memory.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as file:  # made with mode 0600
            file.write(secret)
            file.flush()
            yield file.name


def _members(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _kind(status: int, *, reason: str) -> PushKind:
    if status >= 500:
        return PushKind.RETRY_LATER
    if status == 400:
        return BY_REASON_OF_400.get(reason, PushKind.BUG)
    return BY_STATUS.get(status, PushKind.BUG)


def _moment(told: dict[str, Any], *, latest: datetime) -> datetime:
    """Read `timestamp`, milliseconds since 1970; unreadable or ahead of our clock, it counts as `latest`."""
    try:
        return min(datetime.fromtimestamp(told["timestamp"] / 1000, UTC), latest)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return latest


def _unanswered(error: Exception) -> PushAnswer:
    if _refuses_certificate(error):
        return PushAnswer(PushKind.CREDENTIAL_REFUSED, "TlsAlert", for_every_token=True)
    return PushAnswer(
        PushKind.RETRY_LATER, type(error).__name__, for_every_token=isinstance(error, UNREACHABLE)
    )


def _refuses_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError) and REFUSING_ALERT.search(error.reason or ""):
            return True
        error = error.__cause__ or error.__context__
    return False

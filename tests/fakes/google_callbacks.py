"""Google's callbacks on their way to an issuer: a test decides when each arrives, how often, or never."""

from __future__ import annotations

import ssl
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import httpx

from tests.fakes.google_rules import issuer_of
from tests.fakes.google_signing import Signer, callback_message

USER_AGENT = "Googlebot/2.1 (+http://www.google.com/bot.html)"
# Seconds.
PATIENCE = 20


class CallbackComplaint(AssertionError):
    """What no issuer may do with a callback."""


@dataclass
class Callback:
    """A signed message to an issuer, with the statuses that it was answered with so far."""

    url: str
    message: dict[str, Any]
    body: bytes
    statuses: list[int] = field(default_factory=list)


class CallbackSender:
    """Queues what happens to cards; `deliver` posts it, and what is not answered with 2xx stays as it is."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self.pending: list[Callback] = []
        self.delivered: list[Callback] = []
        self._allowed: set[str] = set()
        self._http = _client(None)

    def reach(self, application: httpx.BaseTransport) -> None:
        """Send to an application without a server in between."""
        self.close()
        self._http = _client(application)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def queue(self, event_type: str, *, object_id: str, class_id: str, url: str) -> Callback:
        """Sign a message about an object, to be sent to its issuer."""
        message = callback_message(
            event_type, object_id=object_id, class_id=class_id, nonce=str(uuid.uuid4())
        )
        body = self.signer.envelope(message, recipient=issuer_of(class_id))
        self.pending.append(Callback(url, message, body))
        return self.pending[-1]

    def deliver(self) -> list[int]:
        """Post what is pending, in its order, once each; the statuses. A test may turn the list before."""
        batch, self.pending = self.pending, []
        return [self._attempt(callback) for callback in batch]

    def double(self) -> None:
        """Have everything that is pending sent once more at its end."""
        self.pending += [Callback(one.url, one.message, one.body) for one in self.pending]

    def lose(self) -> int:
        """Forget what is pending, as Google did for days; how much it was."""
        lost = len(self.pending)
        self.pending.clear()
        return lost

    def post(self, url: str, body: bytes) -> httpx.Response:
        """Send one body, whatever it is, as Google does."""
        self._read_robots(url)
        return self._http.post(url, content=body)

    def _attempt(self, callback: Callback) -> int:
        status = self.post(callback.url, callback.body).status_code
        callback.statuses.append(status)
        if 200 <= status < 300:
            self.delivered.append(callback)
        else:
            self.pending.append(callback)
        if 300 <= status < 400 or (status >= 500 and status != httpx.codes.SERVICE_UNAVAILABLE):
            raise CallbackComplaint(f"{callback.url} answered {status}")
        return status

    def _read_robots(self, url: str) -> None:
        """Google sends nothing where its crawler may not go."""
        if url in self._allowed:
            return
        robots = self._http.get(f"{urlsplit(url).scheme}://{urlsplit(url).netloc}/robots.txt")
        parser = RobotFileParser()
        parser.parse(robots.text.splitlines() if robots.is_success else [])
        if not parser.can_fetch("Googlebot", url):
            raise CallbackComplaint(f"robots.txt keeps Googlebot from {url}")
        self._allowed.add(url)


def _client(transport: httpx.BaseTransport | None) -> httpx.Client:
    # It speaks to this machine alone, in clear: a context that trusts nobody costs no time.
    return httpx.Client(
        headers={"User-Agent": USER_AGENT, "Content-Type": "application/json"},
        transport=transport,
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        timeout=PATIENCE,
        trust_env=False,
    )

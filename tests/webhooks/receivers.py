"""An integrator's receiver: a real HTTP server on loopback that remembers what it was sent."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import standardwebhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from credentials.models import Account
from webhooks.endpoints import create_endpoint
from webhooks.models import Endpoint


@dataclass(frozen=True)
class Received:
    """One POST as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.body)
        return message

    def verified_with(self, secret: str) -> bool:
        """Whether the independent library accepts it."""
        try:
            standardwebhooks.Webhook(secret).verify(self.body, self.headers)
        except standardwebhooks.WebhookVerificationError:
            return False
        return True

    def verified_with_public_key(self, text: str) -> bool:
        """Whether one of its signatures is by the private half of this `whpk_` key."""
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(text.removeprefix("whpk_")))
        signed = b".".join([self.message_id.encode(), self.headers["webhook-timestamp"].encode(), self.body])
        return any(_signed_by(key, part, signed=signed) for part in self.signatures if part[:4] == "v1a,")

    @property
    def signatures(self) -> list[str]:
        """Each as it stands in the header, which has exactly one space between two."""
        return self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """What it answers may be changed at any time; `slowness` is in seconds."""

    port: int = 0
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    slowness: float = 0.0
    received: list[Received] = field(default_factory=list)
    most_at_once: int = 0
    leaving: threading.Event = field(default_factory=threading.Event)
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def take(self, received: Received) -> None:
        """Counts, remembers, and takes its time."""
        with self._lock:
            self.received.append(received)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        self.leaving.wait(self.slowness)
        with self._lock:
            self._at_once -= 1


@dataclass(frozen=True)
class Hook:
    """An endpoint, the secret that its owner was shown, and the receiver behind it."""

    endpoint: Endpoint
    secret: str
    receiver: Receiver


def hook_to(receiver: Receiver, *, account: Account, event_types: Sequence[str] = ()) -> Hook:
    """An endpoint of `account` that leads to `receiver`."""
    endpoint, secret = create_endpoint(account, url=receiver.url, event_types=event_types, actor="test")
    return Hook(endpoint, str(secret), receiver)


def _signed_by(key: Ed25519PublicKey, signature: str, *, signed: bytes) -> bool:
    try:
        key.verify(base64.b64decode(signature.removeprefix("v1a,")), signed)
    except InvalidSignature:
        return False
    return True


class _Server(ThreadingHTTPServer):
    # A dispatcher connects by the hundred; a short queue would lose some of them.
    request_queue_size = 512


@contextmanager
def listening() -> Iterator[Receiver]:
    """A receiver for as long as the block lasts."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.take(Received({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            if receiver.status != 204:
                self.send_header("Content-Length", str(len(receiver.body)))
            self.end_headers()
            self.wfile.write(receiver.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Says nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.leaving.set()
            server.shutdown()
            thread.join()

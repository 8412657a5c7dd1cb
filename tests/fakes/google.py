"""A fake Google on loopback, over real HTTP: tokens, Wallet's REST API, root keys, save links, callbacks.

It checks its callers as strictly as Google is known to. Whatever a test scripts for a part of it happens to
the next requests there, one each; after the last it does its work again.
"""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.google_accounts import EMAIL, ServiceAccount
from tests.fakes.google_callbacks import CallbackSender
from tests.fakes.google_resources import Resources
from tests.fakes.google_saving import SavePage
from tests.fakes.google_signing import Signer
from tests.fakes.google_tokens import TokenEndpoint
from tests.fakes.google_wire import Answer, Refused, Request

API = "/walletobjects/v1/"
SAVE = "/gp/v/save/"
PARTS = {"/token": "token", "/gp/m/issuer/keys": "keys", SAVE: "save", API: "rest"}


class Fault(Enum):
    """How a request can end without an answer."""

    DROP = auto()
    """The connection is cut before anything was done."""
    LOSE = auto()
    """What was asked is done, and the connection cut before the answer."""
    SILENCE = auto()
    """Nothing is heard any more until the fake closes."""


@dataclass(frozen=True)
class Slow:
    """The right answer, so many seconds late."""

    seconds: float


Outcome = Answer | Fault | Slow


class FakeGoogle:
    """Listens on `url` while entered. `quota` is in requests a second for a caller; None sets no limit."""

    def __init__(self) -> None:
        self.accounts: dict[str, ServiceAccount] = {}
        self.resources = Resources()
        self.tokens = TokenEndpoint(self.accounts)
        self.signer = Signer()
        self.callbacks = CallbackSender(self.signer)
        self.saving = SavePage(self.accounts, self.resources, self.callbacks)
        self._root_keys: dict[str, Any] | None = None
        self.root_keys_max_age = 3600
        self.quota: int | None = 20
        self.quota_refusal = Refused(429, "Quota exceeded.", reason="rateLimitExceeded", domain="global")
        self.requests: list[Request] = []
        self.failures: list[BaseException] = []
        self._scripts: dict[str, Iterator[Outcome]] = {}
        self._buckets: dict[str, tuple[float, float]] = {}
        self._leaving = threading.Event()
        self._counting = threading.Lock()
        self._server = _Server(0, self)
        self._server.server_activate()
        self._thread: threading.Thread | None = None
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.api_url = f"{self.url}{API}".rstrip("/")
        self.save_url = f"{self.url}{SAVE}"
        self.root_keys_url = f"{self.url}/gp/m/issuer/keys"
        self.token_uri = f"{self.url}/token"

    def __enter__(self) -> Self:
        self._serve()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._stop()
        self.callbacks.close()
        if self.failures:
            raise self.failures[0]

    @property
    def root_keys(self) -> dict[str, Any]:
        """What is published: the signer's root, good for two days from whenever it is asked for."""
        return self.signer.root_keys() if self._root_keys is None else self._root_keys

    @root_keys.setter
    def root_keys(self, document: dict[str, Any]) -> None:
        self._root_keys = document

    def open_account(self, *issuer_ids: str, email: str = EMAIL) -> ServiceAccount:
        """Make a service account, and invite it as a user of these issuers."""
        account = ServiceAccount(token_uri=self.token_uri, email=email)
        self.accounts[account.email] = account
        for issuer_id in issuer_ids:
            self.resources.invited.setdefault(issuer_id, set()).add(account.email)
        return account

    def script(self, part: str, outcomes: Iterable[Outcome]) -> None:
        """Set what the next requests to "token", "rest", "keys" or "save" meet; none: all is well again."""
        if part not in PARTS.values():
            raise ValueError(part)
        self._scripts[part] = iter(outcomes)

    def always(self, outcome: Outcome, *parts: str) -> None:
        """Set what every request to these parts meets, or to all of them."""
        for part in parts or PARTS.values():
            self.script(part, itertools.repeat(outcome))

    def recover(self) -> None:
        """Let all be well again: nothing scripted, and there for whoever calls."""
        self._scripts.clear()
        if self._thread is None:
            self._server.server_activate()
            self._serve()

    def go_down(self) -> None:
        """Refuse every connection until `recover`; the port stays taken."""
        self._stop()
        self._server = _Server(self._server.port, self)

    def asked(self, part: str) -> list[Request]:
        """The requests so far to one part."""
        return [request for request in list(self.requests) if part_of(request) == part]

    def meet(self, request: Request) -> Outcome:
        """What becomes of a request: an answer, after the work was done, or a fault."""
        with self._counting:
            self.requests.append(request)
            scripted = next(self._scripts.get(part_of(request), iter(())), None)
        match scripted:
            case Slow(seconds):
                self._leaving.wait(seconds)
            case Fault.LOSE:
                self._answer(request)
            case Fault.SILENCE:
                self._leaving.wait()
        return self._answer(request) if scripted is None or isinstance(scripted, Slow) else scripted

    def _answer(self, request: Request) -> Answer:
        try:
            return self._answer_part(part_of(request), request)
        except Refused as refusal:
            return refusal.answer

    def _answer_part(self, part: str, request: Request) -> Answer:
        if part == "rest":
            return self._answer_rest(request)
        if part == "save":
            return self.saving.answer(request, request.path.removeprefix(SAVE))
        if part == "token" and request.method == "POST":
            return self.tokens.answer(dict(parse_qsl(request.body.decode())))
        if part == "keys" and request.method == "GET":
            age = f"public, max-age={self.root_keys_max_age}"
            return Answer(200, self.root_keys, {"Cache-Control": age})
        raise Refused(404, "Not Found", reason="notFound", domain="global")

    def _answer_rest(self, request: Request) -> Answer:
        caller = self.tokens.caller(request.headers.get("authorization", ""))
        self._count(request, caller)
        return self.resources.answer(request, path=request.path.removeprefix(API), caller=caller)

    def _count(self, request: Request, caller: str) -> None:
        """Takes one from the caller's bucket, which the quota fills. Raises `Refused` when it is empty."""
        if self.quota is None:
            return
        with self._counting:
            left, last = self._buckets.get(caller, (float(self.quota), request.at))
            left = min(self.quota, left + (request.at - last) * self.quota)
            self._buckets[caller] = (left - 1 if left >= 1 else left, request.at)
        if left < 1:
            raise self.quota_refusal

    def _serve(self) -> None:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def _stop(self) -> None:
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.hang_up()
        self._server.server_close()


def part_of(request: Request) -> str:
    """Which part of Google a request is for; empty for none."""
    return next((part for path, part in PARTS.items() if request.path.startswith(path)), "")


class _Server(ThreadingHTTPServer):
    """Bound from the start; refuses connections until it is activated."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, google: FakeGoogle) -> None:
        super().__init__(("127.0.0.1", port), _Handler, bind_and_activate=False)
        self.google = google
        self.open: set[socket.socket] = set()
        self.server_bind()
        self.port = int(self.server_address[1])

    def hang_up(self) -> None:
        for connection in list(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        self.server.open.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        try:
            outcome = self.server.google.meet(self._read())
        except Exception as failure:
            self.server.google.failures.append(failure)
            raise
        if isinstance(outcome, Answer):
            self._send(outcome)
        else:
            self.close_connection = True

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - names of http.server

    def _read(self) -> Request:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        return Request(
            self.command, parts.path, dict(parse_qsl(parts.query)), headers, body, time.perf_counter()
        )

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", f"{answer.media_type}; charset=UTF-8")
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Say nothing on the terminal."""

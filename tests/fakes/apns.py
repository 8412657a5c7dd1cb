"""A fake Apple Push Notification service: HTTP/2 over mutual TLS on loopback, as strict as Apple says it is.

Pushes that were answered with 200 wait here, one per topic and token, until the test lets them through with
`deliver()`; a test thereby decides when a phone hears of a change.
"""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import struct
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Self

import h2.events
from cryptography import x509
from cryptography.x509.oid import NameOID
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError

from tests.fakes.apns_rules import first_fault
from tests.fakes.tls import Authority, present


@dataclass(frozen=True)
class Answer:
    """What Apple says to one push; `raw` replaces the JSON body."""

    status: int = 200
    reason: str = ""
    timestamp: int | None = None
    raw: bytes | None = None

    @property
    def body(self) -> bytes:
        if self.raw is not None or not self.reason:
            return self.raw or b""
        timestamp = {} if self.timestamp is None else {"timestamp": self.timestamp}
        return json.dumps({"reason": self.reason, **timestamp}).encode()


class Fault(Enum):
    """How a push can end without an answer."""

    GOAWAY = auto()
    """The connection is wound up in good order; this push was not looked at."""
    DROP = auto()
    """The connection is cut."""
    RESET = auto()
    """Only this push's stream is cut."""
    GARBAGE = auto()
    """Bytes that are not HTTP/2, in the middle of an answer."""
    SILENCE = auto()
    """Nothing more is heard about this push."""
    CHATTER = auto()
    """Nothing is heard about this push, but the connection stays busy with pings."""


Outcome = Answer | Fault


@dataclass(frozen=True)
class Push:
    """One push as it arrived, with what became of it."""

    token: str
    headers: dict[str, str]
    body: bytes
    certificate_uid: str
    at: datetime
    outcome: Outcome


@dataclass
class _Stream:
    headers: list[tuple[str, str]]
    body: bytearray = field(default_factory=bytearray)


class FakeApns:
    """Listens on `url` while entered, with a certificate under `ca_pem`.

    `client_ca_pem` holds the root of the clients' certificates and, as clients present only their own, the
    intermediate that issued them.
    """

    def __init__(self, *, client_ca_pem: bytes, tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
        authority = Authority("Fake APNs Root")
        self.ca_pem = authority.pem
        self.pushes: list[Push] = []
        self.connections = 0
        self._context = _server_context(authority, client_ca_pem=client_ca_pem, tls=tls)
        self._scripts: dict[str, Iterator[Outcome]] = {}
        self._phones: dict[str, Callable[[str], None]] = {}
        self._left: dict[str, datetime] = {}
        self._waiting: dict[tuple[str, str], Push] = {}
        self._open: set[ssl.SSLSocket] = set()
        self._deciding = threading.Lock()
        self._server = _Listener(self._meet_client)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self.hang_up()
        self._server.server_close()
        self._thread.join()

    def script(self, token: str, outcomes: Iterable[Outcome]) -> None:
        """Set what the next pushes to a token meet, one each; after the last, 200 again."""
        self._scripts[token] = iter(outcomes)

    def hang_up(self) -> None:
        """Close the connections that are open, whatever is going on there."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def subscribe(self, token: str, phone: Callable[[str], None]) -> None:
        """Have a phone hear what is pushed to `token`."""
        self._left.pop(token, None)
        self._phones[token] = phone

    def unsubscribe(self, token: str) -> None:
        """Let a phone give up `token`: from now on it is 410 Unregistered."""
        self._phones.pop(token, None)
        self._left[token] = datetime.now(UTC)

    def deliver(self) -> int:
        """Hand the waiting pushes to their phones, in this thread; returns how many phones heard one."""
        heard = 0
        for key in list(self._waiting):
            token = self._waiting.pop(key).token
            if token in self._phones:
                self._phones[token](token)
                heard += 1
        return heard

    def _meet_client(self, client: socket.socket) -> None:
        with self._context.wrap_socket(client, server_side=True, do_handshake_on_connect=False) as connection:
            self._open.add(connection)
            try:
                connection.do_handshake()
            except OSError:
                self._open.discard(connection)
                _wait_for_close(connection)
                return
            self.connections += 1
            # ValueError is what Python says of a TLS socket that was closed by another thread.
            with suppress(OSError, ValueError, ProtocolError):
                _Conversation(connection, decide=self._decide).listen()
            self._open.discard(connection)

    def _decide(self, stream: _Stream, uid: str) -> Outcome:
        headers = dict(stream.headers)
        token = headers[":path"].removeprefix("/3/device/").lower()
        fault = first_fault(stream.headers, bytes(stream.body), topic=uid)
        with self._deciding:
            outcome: Outcome = Answer(*fault) if fault else self._scripted(token)
            push = Push(token, headers, bytes(stream.body), uid, datetime.now(UTC), outcome)
            self.pushes.append(push)
            if isinstance(outcome, Answer) and outcome.status == 200:
                self._waiting[headers["apns-topic"], token] = push
        return outcome

    def _scripted(self, token: str) -> Outcome:
        if (left := self._left.get(token)) is not None:
            return Answer(410, "Unregistered", timestamp=int(left.timestamp() * 1000))
        return next(self._scripts.get(token, iter(())), Answer())


class _Listener(socketserver.ThreadingTCPServer):
    """Gives each client a thread."""

    def __init__(self, meet: Callable[[socket.socket], None]) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self._meet = meet

    def finish_request(self, request: object, _: object) -> None:
        if isinstance(request, socket.socket):
            self._meet(request)


class _Conversation:
    """One HTTP/2 connection with one client certificate."""

    def __init__(self, connection: ssl.SSLSocket, *, decide: Callable[[_Stream, str], Outcome]) -> None:
        self._connection = connection
        self._decide = decide
        self._uid = _user_id(connection.getpeercert(binary_form=True) or b"")
        self._wire = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._streams: dict[int, _Stream] = {}
        self._over = False

    def listen(self) -> None:
        self._wire.initiate_connection()
        self._flush()
        while data := self._read():
            if not self._over:
                self._hear(data)

    def _read(self) -> bytes:
        while True:
            try:
                return self._connection.recv(65536)
            except TimeoutError:
                self._wire.ping(b"chatter!")
                self._flush()

    def _hear(self, data: bytes) -> None:
        for event in self._wire.receive_data(data):
            match event:
                case h2.events.RequestReceived(stream_id=int(number), headers=list(headers)):
                    self._streams[number] = _Stream([(str(name), str(value)) for name, value in headers])
                case h2.events.DataReceived(stream_id=int(number), data=bytes(piece)):
                    self._streams[number].body += piece
                    self._wire.acknowledge_received_data(event.flow_controlled_length or 0, number)
                case h2.events.StreamEnded(stream_id=int(number)) if not self._over:
                    self._meet(number, self._decide(self._streams.pop(number), self._uid))
        self._flush()

    def _meet(self, number: int, outcome: Outcome) -> None:
        match outcome:
            case Answer():
                self._answer(number, outcome)
            case Fault.GOAWAY:
                self._wire.close_connection(last_stream_id=max(number - 2, 0))
                self._over = True
            case Fault.DROP:
                self._over = True
                _cut(self._connection)
            case Fault.RESET:
                self._wire.reset_stream(number)
            case Fault.GARBAGE:
                self._wire.send_headers(number, [(":status", "200")])
                self._flush()
                self._connection.sendall(b"\x00\x00\x01\x00\x00\x00\x00\x00\x00!" * 9)
            case Fault.CHATTER:
                self._connection.settimeout(0.02)
            case Fault.SILENCE:
                pass

    def _answer(self, number: int, answer: Answer) -> None:
        headers = [(":status", str(answer.status)), ("apns-id", str(uuid.uuid4()).upper())]
        self._wire.send_headers(number, headers, end_stream=not answer.body)
        if answer.body:
            self._wire.send_data(number, answer.body, end_stream=True)

    def _flush(self) -> None:
        self._connection.sendall(self._wire.data_to_send())


def _server_context(authority: Authority, *, client_ca_pem: bytes, tls: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = tls
    context.set_alpn_protocols(["h2"])
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=client_ca_pem.decode())
    present(context, authority.issue_server())
    return context


def _wait_for_close(connection: ssl.SSLSocket) -> None:
    """Close after a refused handshake, late enough for the client to read the alert."""
    with socket.socket(fileno=connection.detach()) as bare, suppress(OSError):
        bare.settimeout(1)
        bare.shutdown(socket.SHUT_WR)
        while bare.recv(65536):
            pass


def _cut(connection: ssl.SSLSocket) -> None:
    """Close with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _user_id(certificate: bytes) -> str:
    subject = x509.load_der_x509_certificate(certificate).subject
    return "".join(str(attribute.value) for attribute in subject.get_attributes_for_oid(NameOID.USER_ID))

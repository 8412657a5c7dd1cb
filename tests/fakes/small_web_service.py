"""A small web service to try the fake phone on: right in everything, unless told what to answer instead."""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TYPE = "pass.example.acme.staff"
TEAM = "ACMETEAM01"
JSON = {"Content-Type": "application/json"}
PKPASS = {"Content-Type": "application/vnd.apple.pkpass"}
KINDS = {
    "register": r"POST /v1/devices/[^/]+/registrations/[^/]+/[^/]+",
    "unregister": r"DELETE /v1/devices/[^/]+/registrations/[^/]+/[^/]+",
    "list": r"GET /v1/devices/[^/]+/registrations/[^/]+",
    "get": r"GET /v1/passes/[^/]+/[^/]+",
    "look": r"HEAD /v1/passes/[^/]+/[^/]+",
    "lifecycle": r"POST /v1/passes/[^/]+/[^/]+/passLifecycleUpdate",
    "log": r"POST /v1/log",
}


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    kind: str
    method: str
    target: str
    headers: dict[str, str]
    body: Any

    @property
    def parts(self) -> list[str]:
        return [unquote(part) for part in urlsplit(self.target).path.split("/")]


@dataclass
class Issued:
    """A pass as the web service has it: every version has its own token, tag and time."""

    serial: str
    url: str
    version: int = 1
    tag: int = 1

    @property
    def token(self) -> str:
        return f"token-of-version-{self.version}"

    @property
    def credentials(self) -> set[str]:
        """A device has the token of the version that it last fetched."""
        return {f"ApplePass token-of-version-{version}" for version in range(1, self.version + 1)}

    @property
    def last_modified(self) -> str:
        return formatdate(1_800_000_000 + self.version, usegmt=True)

    def pack(self, **changed: object) -> bytes:
        content = {
            "passTypeIdentifier": TYPE,
            "teamIdentifier": TEAM,
            "serialNumber": self.serial,
            "webServiceURL": self.url,
            "authenticationToken": self.token,
        } | changed
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("pass.json", json.dumps(content))
            archive.writestr("manifest.json", json.dumps(content))
        return buffer.getvalue()


class WebService:
    """A small web service that does everything right, except what is written into `instead`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[Request] = []
        self.issued: dict[str, Issued] = {}
        self.registered: dict[tuple[str, str], str] = {}
        self.instead: dict[str, Answer] = {}
        self.format_tag: Callable[[int], str] = str

    @property
    def asked(self) -> list[str]:
        return [request.kind for request in self.requests]

    def issue(self, serial: str) -> Issued:
        self.issued[serial] = Issued(serial, self.url, tag=self.last_tag + 1)
        return self.issued[serial]

    def update(self, serial: str) -> None:
        self.issued[serial].tag = self.last_tag + 1
        self.issued[serial].version += 1

    @property
    def last_tag(self) -> int:
        return max((issued.tag for issued in self.issued.values()), default=0)

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        if request.kind in self.instead:
            return self.instead[request.kind]
        if request.kind == "list":
            return self._list(request)
        if request.kind in ("log", "lifecycle"):
            return Answer()
        issued = self.issued[request.parts[-1]]
        if request.headers.get("authorization") not in issued.credentials:
            return Answer(401)
        if request.kind in ("get", "look"):
            headers = {"Last-Modified": issued.last_modified} | PKPASS
            known = request.headers.get("if-modified-since") == issued.last_modified
            return Answer(304) if known else Answer(200, issued.pack(), headers)
        key = (request.parts[3], issued.serial)
        known = self.registered.pop(key, None) is not None
        if request.kind == "register":
            self.registered[key] = request.body["pushToken"]
        return Answer(200 if known or request.kind == "unregister" else 201)

    def _list(self, request: Request) -> Answer:
        since = parse_qs(urlsplit(request.target).query).get("passesUpdatedSince", ["0"])[0]
        tag = int(re.sub(r"\D", "", since))
        serials = [serial for device, serial in self.registered if device == request.parts[3]]
        changed = [serial for serial in serials if self.issued[serial].tag > tag]
        if not changed:
            return Answer(204)
        return listing({"serialNumbers": changed, "lastUpdated": self.format_tag(self.last_tag)})


def listing(content: object) -> Answer:
    """Answer with JSON."""
    return Answer(200, json.dumps(content).encode(), JSON)


@dataclass(frozen=True)
class ReadPass:
    """A pass as a phone reads it."""

    pass_json: dict[str, Any]


def read(pkpass: bytes) -> ReadPass:
    """Read a pass of this web service; raises ValueError for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(pkpass)) as archive:
            return ReadPass(json.loads(archive.read("pass.json")))
    except zipfile.BadZipFile as error:
        raise ValueError("not a pass") from error


@contextmanager
def running() -> Iterator[WebService]:
    """Serve on loopback as long as entered."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.service = WebService(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.service
        server.shutdown()
        thread.join()


class _Server(ThreadingHTTPServer):
    service: WebService


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        words = f"{self.command} {urlsplit(self.path).path}"
        kind = next((kind for kind, pattern in KINDS.items() if re.fullmatch(pattern, words)), "?")
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(sent) if sent else None
        answer = self.server.service.answer(Request(kind, self.command, self.path, headers, body))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD" and answer.status not in (204, 304):
            self.wfile.write(answer.body)

    do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Say nothing on the terminal."""

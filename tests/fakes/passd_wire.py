"""What `passd` says to a web service, and the answers it takes: no other status, content type or header."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import SSLContext
from typing import Any
from urllib.parse import quote

import httpx

USER_AGENT = "passd/1.0 CFNetwork/1568.200.51 Darwin/24.1.0"
PASS_MEDIA_TYPE = "application/vnd.apple.pkpass"
LARGEST_PASS = 0xF00000
# Foundation's URLPathAllowed and URLQueryAllowed, as far as they go beyond letters, digits and `-._~`.
PATH_ALLOWED = "!$&'()*+,/:=@"
QUERY_ALLOWED = "!$&'()*+,/:=@?;"


class Unacceptable(Exception):
    """An answer that is none for a device, in the words of its log."""


class Unreachable(Unacceptable):
    """No answer, which a device keeps to itself."""


@dataclass(eq=False)
class Origin:
    """A pass type at one web service: for each a device has another identifier and push token."""

    pass_type: str
    url: str
    team: str
    device_id: str = field(default_factory=lambda: secrets.token_hex(16))
    push_token: str = field(default_factory=lambda: secrets.token_hex(32))
    tag: str = ""


@dataclass(frozen=True)
class InstalledPass:
    """A pass in the device; `changed_at` is in seconds of the device's own clock."""

    serial: str
    origin: Origin
    token: str
    pass_json: Mapping[str, Any]
    manifest_hash: str
    last_modified: str = ""
    changed_at: float = 0

    @property
    def is_updatable(self) -> bool:
        return bool(self.origin.url and self.token)

    def is_same_as(self, other: InstalledPass) -> bool:
        return self.manifest_hash == other.manifest_hash


@dataclass(frozen=True)
class Changes:
    """The serials that changed, and the tag to ask with next time, if there was one."""

    serials: list[str]
    tag: str = ""


@dataclass(frozen=True)
class Latest:
    """A pass as it is now; `pkpass` is None when it is the one that the device has."""

    pkpass: bytes | None
    last_modified: str


class Wire:
    """One device's HTTP: no cookies, no cache, redirects followed."""

    def __init__(self, transport: httpx.BaseTransport | None) -> None:
        self._http = httpx.Client(
            headers={"User-Agent": USER_AGENT, "Accept": "*/*"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=True,
            transport=transport,
            verify=_public_roots(),
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def register(self, card: InstalledPass) -> None:
        body = {"pushToken": card.origin.push_token}
        _expect(
            self._send("POST", card.origin, _registration(card), token=card.token, body=body),
            200,
            201,
        )

    def unregister(self, card: InstalledPass) -> None:
        _expect(self._send("DELETE", card.origin, _registration(card), token=card.token), 200, 201)

    def changes(self, origin: Origin) -> Changes:
        path = f"devices/{origin.device_id}/registrations/{_quoted(origin.pass_type)}"
        if origin.tag:
            path += f"?passesUpdatedSince={quote(origin.tag, safe=QUERY_ALLOWED)}"
        answer = self._send("GET", origin, path)
        _expect(answer, 200, 204)
        return Changes([]) if answer.status_code == 204 else _read_changes(answer)

    def latest(self, card: InstalledPass) -> Latest:
        answer = self._send("GET", card.origin, _pass(card), token=card.token, since=card.last_modified)
        _expect(answer, 200, 304)
        last_modified = answer.headers.get("Last-Modified", "")
        if answer.status_code == 304:
            return Latest(None, last_modified or card.last_modified)
        if answer.headers.get("Content-Type") != PASS_MEDIA_TYPE or len(answer.content) > LARGEST_PASS:
            raise Unacceptable("Received invalid pass data")
        return Latest(answer.content, last_modified)

    def look(self, card: InstalledPass) -> None:
        _expect(
            self._send("HEAD", card.origin, _pass(card), token=card.token, since=card.last_modified), 200, 304
        )

    def report_lifecycle(self, card: InstalledPass, *, state: str) -> None:
        path = f"{_pass(card)}/passLifecycleUpdate"
        _expect(self._send("POST", card.origin, path, body={"passState": state}), 200)

    def log(self, origin: Origin, lines: list[str]) -> None:
        _expect(self._send("POST", origin, "log", body={"logs": lines}), 200)

    def _send(
        self,
        method: str,
        origin: Origin,
        path: str,
        *,
        token: str = "",
        since: str = "",
        body: Mapping[str, object] | None = None,
    ) -> httpx.Response:
        headers = {"Authorization": f"ApplePass {token}"} if token else {}
        if since:
            headers["If-Modified-Since"] = since
        url = f"{origin.url.rstrip('/')}/v1/{path}"
        try:
            return self._http.request(method, url, headers=headers, json=body)
        except (httpx.TransportError, httpx.TooManyRedirects) as error:
            raise Unreachable("Connection error") from error


@cache
def _public_roots() -> SSLContext:
    # Reading them takes longer than most tests.
    return httpx.create_ssl_context(trust_env=False)


def _registration(card: InstalledPass) -> str:
    pass_type, serial = _quoted(card.origin.pass_type), _quoted(card.serial)
    return f"devices/{card.origin.device_id}/registrations/{pass_type}/{serial}"


def _pass(card: InstalledPass) -> str:
    return f"passes/{_quoted(card.origin.pass_type)}/{_quoted(card.serial)}"


def _quoted(segment: str) -> str:
    # A slash stays a slash, which is why a serial number must not have one.
    return quote(segment, safe=PATH_ALLOWED)


def _expect(answer: httpx.Response, *statuses: int) -> None:
    if answer.status_code == 401:
        raise Unacceptable("Authentication failure")
    if answer.status_code not in statuses:
        raise Unacceptable(f"Unexpected response code {answer.status_code}")


def _read_changes(answer: httpx.Response) -> Changes:
    try:
        found = json.loads(answer.content)
        serials, tag = found["serialNumbers"], found.get("lastUpdated", "")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unacceptable("Server response was malformed") from error
    is_list = isinstance(serials, list) and all(isinstance(serial, str) for serial in serials)
    is_json = answer.headers.get("Content-Type", "").partition(";")[0] == "application/json"
    if not (is_list and is_json and isinstance(tag, str)):
        raise Unacceptable("Server response was malformed")
    return Changes(serials, tag)

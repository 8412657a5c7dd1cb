"""One request to Google and its answer, bounded in time and size; connections are kept for all threads."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from redemption.google.errors import Unreachable

CONNECT_SECONDS, READ_SECONDS = 3, 8
LARGEST_ANSWER = 1_000_000
CHUNK = 65_536

S = TypeVar("S", bound=requests.Session)

# Seconds. Firewalls drop an idle connection without telling anybody, and the next claim would wait in vain.
_PROBES = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 3}
_KEEP_ALIVE = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in _PROBES.items()
        if hasattr(socket, name)
    ),
]


@dataclass(frozen=True)
class Answer:
    """What came back, whatever it was; google-auth can read it too."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def retry_after(self) -> timedelta | None:
        """How long Google asks to be left alone, at most a day; it says so in seconds."""
        seconds = self.headers.get("Retry-After", "")
        return timedelta(seconds=min(int(seconds), 86_400)) if is_duration(seconds) else None


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        super().init_poolmanager(*sizes, **options, socket_options=_KEEP_ALIVE)


# Sessions come and go with their use; this holds the connections, and its pools are safe for threads.
_ADAPTER = _Adapter(pool_maxsize=10)


def is_duration(seconds: str) -> bool:
    """Whether a text is a number of seconds that a date can be moved by."""
    return seconds.isdecimal() and len(seconds) < 10


def connected(session: S) -> S:
    """The session, on the connections that are kept; it must not be closed."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, _ADAPTER)
    return session


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    data: bytes | None = None,
    json: Mapping[str, object] | None = None,
) -> Answer:
    """Sends one request, never to where an answer redirects. Raises `Unreachable`.

    The body is `data` or `json`; google-auth logs the first of an authorized request at DEBUG.
    """
    try:
        with session.request(
            method,
            url,
            headers=dict(headers or {}),
            params=params,
            data=data,
            json=json,
            auth=_as_it_is,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
            stream=True,
        ) as response:
            return Answer(response.status_code, response.headers, _content(response))
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise Unreachable(f"Google cannot be reached: {type(error).__name__}") from error


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from putting what a .netrc holds in place of the access token."""
    return request


def _content(response: requests.Response) -> bytes:
    """The whole body; a timeout of the socket alone would let it drip for ever."""
    until = time.monotonic() + READ_SECONDS
    content = bytearray()
    while chunk := response.raw.read1(CHUNK, decode_content=True):
        content += chunk
        if len(content) > LARGEST_ANSWER:
            raise Unreachable("Google cannot be reached: the answer is too large.")
        if time.monotonic() > until:
            raise Unreachable("Google cannot be reached: the answer takes too long.")
    return bytes(content)

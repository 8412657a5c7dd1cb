"""The one answer to "who is calling": an address that the caller cannot choose."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse

UNKNOWN = "unknown"

# Some proxies write the caller's port too: `192.0.2.1:5678`, `[2001:db8::1]:80`; or only the brackets.
_WITH_PORT = re.compile(r"(?:\[([^\[\]]+)\]|([0-9.]+))(?::[0-9]{1,5})?")


class ClientIpMiddleware:
    """Leaves `request.client_ip` for limits and audit."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.client_ip = client_ip(request)  # type: ignore[attr-defined]
        return self.get_response(request)


def client_ip(request: HttpRequest) -> str:
    """The caller's address: IPv4 as it is (mapped forms unwrapped), IPv6 as its /64, else `unknown`.

    With N trusted proxies the Nth address from the right of `X-Forwarded-For` was written by our own
    outermost proxy; everything left of it is the caller's invention and is never read.
    """
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    hops.append(request.META.get("REMOTE_ADDR", ""))
    wanted = settings.TRUSTED_PROXIES + 1
    return _bucket(hops[-wanted]) if len(hops) >= wanted else _bucket(hops[0])


def _bucket(text: str) -> str:
    try:
        address = ip_address(_without_port(text))
    except ValueError:
        return UNKNOWN
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, 64), strict=False))


def _without_port(text: str) -> str:
    found = _WITH_PORT.fullmatch(text)
    return (found[1] or found[2]) if found else text

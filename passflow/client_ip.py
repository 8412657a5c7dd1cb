"""The one answer to "who is calling": an address that the caller cannot choose."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

UNKNOWN = "unknown"

# How an IPv4 address is seen behind a gateway of a network that has none (RFC 6052, section 2.1).
_NAT64 = IPv6Network("64:ff9b::/96")

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
    """The caller's address: IPv4 as it is (also from within IPv6), IPv6 as its /64, else `unknown`.

    With N trusted proxies the Nth address from the right of `X-Forwarded-For` was written by our own
    outermost proxy; everything left of it is the caller's invention and is never read. Who came past the
    proxies is unknown. Raises `BadRequest` when that address is missing: a caller who sends bytes that are no
    text in this header has the server drop a whole line, and would be counted anew, or as our proxy.
    """
    proxies = settings.TRUSTED_PROXIES
    if not proxies:
        return _bucket(request.META.get("REMOTE_ADDR", ""))
    told = request.META.get("HTTP_X_FORWARDED_FOR")
    if told is None:
        return UNKNOWN
    hops = [hop.strip() for hop in told.split(",")]
    if len(hops) < proxies or not hops[-proxies]:
        raise BadRequest("X-Forwarded-For does not tell what our outermost proxy has seen")
    return _bucket(hops[-proxies])


def _bucket(text: str) -> str:
    try:
        address = ip_address(_without_port(text))
    except ValueError:
        return UNKNOWN
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    if address in _NAT64:
        return str(IPv4Address(int(address) & 0xFFFFFFFF))
    return str(IPv6Network((address, 64), strict=False))


def _without_port(text: str) -> str:
    found = _WITH_PORT.fullmatch(text)
    return (found[1] or found[2]) if found else text

"""Checks the URL of an endpoint before anything is resolved: one spelling, no surprises for any parser.

Parsers differ over odd spellings, and a difference is a way around a check. What is not plain RFC 3986 is
refused here, so that the client which connects can read nothing else into it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

import idna

from webhooks.addresses import Policy, allowed, lies_in, refused_kind

LONGEST_URL = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}

_URL = re.compile(
    r"(?P<scheme>[^:/?#]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?"
)
# RFC 3986 section 2, and percent signs only where they begin an escape.
_PLAIN = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]@]*\]|[^\[\]@:]*)(?P<port>:[0-9]{1,5})?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# WHATWG URL, "ends in a number": resolvers read such hosts as addresses in decimal, octal or hexadecimal.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL_NAMES = frozenset({"localhost", "localdomain", "ip6-localhost", "ip6-loopback"})


class RefusedURL(ValueError):
    """A URL that no webhook is sent to: ``reason`` is a word for programs, the message one for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@lru_cache(maxsize=1024)
def check_url(url: str, *, policy: Policy) -> str:
    """The URL as it is dialled: as given, with the host in lower case and, beyond ASCII, in its IDNA form.

    Raises RefusedURL naming the ``reason``: length, characters, scheme, userinfo, fragment, host, localhost,
    address or port. A name that passes here is still resolved and checked when the message is sent.
    """
    _check_length(url)
    parts = _URL.fullmatch(url)
    if parts is None:
        raise RefusedURL("scheme", "must start with https:// or http://")
    scheme = _checked_scheme(parts["scheme"], policy=policy)
    if parts["fragment"] is not None:
        raise RefusedURL("fragment", "must not have a fragment")
    authority = _split_authority(parts["authority"])
    host = _checked_host(authority["host"], policy=policy)
    _check_port(authority["port"], scheme=scheme, host=host, policy=policy)
    rest = parts["path"] + (parts["query"] or "")
    if not _PLAIN.fullmatch(rest):
        raise RefusedURL("characters", "must be percent-encoded where it is not plain ASCII")
    dialled = f"{scheme}://{host}{authority['port'] or ''}{rest}"
    # A name beyond ASCII is longer in its IDNA form.
    _check_length(dialled)
    return dialled


def is_localhost(host: str) -> bool:
    """Whether ``host`` is a name of this machine (RFC 6761 section 6.3, and what /etc/hosts calls it)."""
    return host.lower().rstrip(".").rpartition(".")[2] in _LOCAL_NAMES


def _check_length(url: str) -> None:
    if len(url) > LONGEST_URL:
        raise RefusedURL("length", f"must not be longer than {LONGEST_URL} characters")


def _checked_scheme(scheme: str, *, policy: Policy) -> str:
    scheme = scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise RefusedURL("scheme", "must start with https:// or http://")
    if policy.https_only and scheme != "https":
        raise RefusedURL("scheme", "must start with https://")
    return scheme


def _split_authority(authority: str) -> re.Match[str]:
    if "@" in authority:
        raise RefusedURL("userinfo", "must not hold a user name or password")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise RefusedURL("port", "must have a host, and a port in digits if any")
    return match


def _checked_host(host: str, *, policy: Policy) -> str:
    if host.startswith("["):
        return f"[{_checked_address(IPv6Address, host[1:-1], policy=policy)}]"
    name = _ascii_name(host)
    if _NUMBER.fullmatch(name.rstrip(".").rpartition(".")[2]):
        return _checked_address(IPv4Address, name, policy=policy)
    # A name of this machine means 127.0.0.1 and nothing else, here and when it is resolved.
    if is_localhost(name) and not allowed("127.0.0.1", open_networks=policy.open_networks):
        raise RefusedURL("localhost", "must not name this machine")
    return name


def _checked_address(version: type[IPv4Address | IPv6Address], text: str, *, policy: Policy) -> str:
    try:
        address = version(text)
    except ValueError:
        raise RefusedURL("host", "must spell an address as 198.51.100.7 or [2001:db8::7]") from None
    kind = refused_kind(address, open_networks=policy.open_networks)
    if kind is not None:
        raise RefusedURL("address", f"must not lead to a network that is not public ({kind})")
    return str(address)


def _ascii_name(host: str) -> str:
    """``host`` in lower case and ASCII (IDNA 2008 without mapping: a look-alike digit is no digit)."""
    try:
        name = host.lower() if host.isascii() else idna.encode(host.lower()).decode()
    except (idna.IDNAError, UnicodeError):
        raise RefusedURL("host", "must have a host name that IDNA 2008 allows") from None
    labels = name.removesuffix(".").split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise RefusedURL("host", "must have a valid host name")
    return name


def _check_port(text: str | None, *, scheme: str, host: str, policy: Policy) -> None:
    port = int(text[1:]) if text else DEFAULT_PORTS[scheme]
    if port in policy.open_ports:
        return
    if not _may_be_in_opened_network(host, policy=policy):
        raise RefusedURL("port", "must use port 443 or 8443, or one that the operator allows")
    # Below 1024, a POST to anything but a web server would speak to mail and other text protocols.
    if port not in DEFAULT_PORTS.values() and not 1024 <= port <= 65535:
        raise RefusedURL("port", f"must not use port {port}")


def _may_be_in_opened_network(host: str, *, policy: Policy) -> bool:
    """For an address or a name of this machine, whether it is; where another name leads is seen later."""
    try:
        return lies_in(host.strip("[]"), networks=policy.open_networks)
    except ValueError:
        return bool(policy.open_networks)

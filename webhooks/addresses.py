"""Says which addresses a webhook may reach: none of this machine, its network, or another that is not public.

The networks are those of the IANA special-purpose address registries (RFC 6890 and its updates), and a few
others through which a cloud or a translator reaches inside. ``ipaddress.is_global`` is not asked: its table
follows the Python release, and older ones call NAT64, 6to4 and documentation addresses global.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED_NETWORKS: dict[Network, str] = {
    ip_network(network): kind
    for network, kind in {
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "private",
        "100.64.0.0/10": "shared between carrier and customer",
        "127.0.0.0/8": "loopback",
        "168.63.129.16/32": "the Azure platform",
        "169.254.0.0/16": "link-local",
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "IETF protocols",
        "192.0.2.0/24": "documentation",
        "192.31.196.0/24": "AS112",
        "192.52.193.0/24": "AMT relays",
        "192.88.99.0/24": "6to4 relays",
        "192.168.0.0/16": "private",
        "192.175.48.0/24": "AS112",
        "198.18.0.0/15": "benchmarks",
        "198.51.100.0/24": "documentation",
        "203.0.113.0/24": "documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
        "::1/128": "loopback",
        "::ffff:0:0/96": "mapped IPv4",
        "::ffff:0:0:0/96": "translated IPv4",
        "::/96": "compatible IPv4",
        "64:ff9b::/96": "NAT64",
        "64:ff9b:1::/48": "local NAT64",
        "100::/64": "discard",
        "2001::/32": "Teredo",
        "2001::/23": "IETF protocols",
        "2001:db8::/32": "documentation",
        "2002::/16": "6to4",
        "2620:4f:8000::/48": "AS112",
        "3fff::/20": "documentation",
        "5f00::/16": "segment routing",
        "fc00::/7": "unique local",
        "fe80::/10": "link-local",
        "fec0::/10": "site-local",
        "ff00::/8": "multicast",
        # RFC 4291: global unicast is 2000::/3 so far; what may be assigned one day is not reachable today.
        "::/3": "not global unicast",
        "4000::/2": "not global unicast",
        "8000::/1": "not global unicast",
    }.items()
}


# Where receivers on the internet listen; anything else that answers there is no receiver of webhooks.
USUAL_PORTS = frozenset({443, 8443})


@dataclass(frozen=True)
class Policy:
    """What the operator decides: the networks and ports opened on purpose, and whether HTTP is refused.

    The ports are those of public addresses; in an opened network receivers listen where they like.
    """

    open_networks: tuple[Network, ...] = ()
    open_ports: frozenset[int] = USUAL_PORTS
    https_only: bool = False


def configured_policy() -> Policy:
    """The policy of the settings; raises ValueError when a network there is misspelt."""
    return Policy(
        open_networks=parse_networks(settings.WEBHOOK_ALLOWED_NETWORKS),
        open_ports=USUAL_PORTS.union(settings.WEBHOOK_ALLOWED_PORTS),
        # In clear, messages go only into networks opened on purpose, as the demo's.
        https_only=settings.WEBHOOK_HTTPS_ONLY or not settings.WEBHOOK_ALLOWED_NETWORKS,
    )


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks written as CIDRs; raises ValueError for one with host bits set or that is none."""
    return tuple(ip_network(text.strip()) for text in texts)


def allowed(address: str | Address, *, open_networks: Iterable[Network]) -> bool:
    """Whether ``address`` may be connected to: it lies in an opened network, or in no refused one."""
    return refused_kind(address, open_networks=open_networks) is None


def refused_kind(address: str | Address, *, open_networks: Iterable[Network]) -> str | None:
    """The kind of place that ``address`` is refused for, or None when it may be connected to."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "not an address"
    if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
        return "bound to an interface"
    if lies_in(parsed, networks=open_networks):
        return None
    return next((kind for network, kind in REFUSED_NETWORKS.items() if parsed in network), None)


def lies_in(address: str | Address, *, networks: Iterable[Network]) -> bool:
    """Whether one of the networks holds ``address``; raises ValueError when it is none."""
    parsed = ip_address(address)
    return any(parsed in network for network in networks)

"""System checks: settings with which webhooks would reach what they must not, or forget too soon."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

from webhooks.addresses import Network, parse_networks

# Where clouds answer every process of a machine with its credentials.
_METADATA = tuple(
    ip_network(text) for text in ("169.254.169.254/32", "168.63.129.16/32", "fd00:ec2::254/128")
)
_EVERYTHING = 8
# Retries go on for three days, and somebody must have the time to look at what came of them.
SHORTEST_RETENTION_DAYS = 7


def check_allowed_networks(
    app_configs: Sequence[AppConfig] | None = None, **options: object
) -> list[checks.CheckMessage]:
    """Refuses networks that cannot be read; warns of those that open a cloud's metadata or nearly all."""
    try:
        networks = parse_networks(settings.WEBHOOK_ALLOWED_NETWORKS)
    except ValueError as error:
        return [checks.Error(f"PASSFLOW_WEBHOOK_ALLOWED_NETWORKS: {error}.", id="webhooks.E001")]
    return [
        checks.Warning(
            f"PASSFLOW_WEBHOOK_ALLOWED_NETWORKS opens {network}: {danger}.",
            hint="Open only the networks of the receivers that you run.",
            id="webhooks.W001",
        )
        for network in networks
        if (danger := _danger_of(network))
    ]


def check_retention(
    app_configs: Sequence[AppConfig] | None = None, **options: object
) -> list[checks.CheckMessage]:
    """Refuses to forget deliveries whose retries may not have ended."""
    if settings.WEBHOOK_RETENTION_DAYS >= SHORTEST_RETENTION_DAYS:
        return []
    return [
        checks.Error(
            f"PASSFLOW_WEBHOOK_RETENTION_DAYS must be at least {SHORTEST_RETENTION_DAYS}.", id="webhooks.E002"
        )
    ]


def _danger_of(network: Network) -> str | None:
    if any(network.version == place.version and network.overlaps(place) for place in _METADATA):
        return "a webhook could ask the cloud for this machine's credentials"
    if network.prefixlen < _EVERYTHING:
        return "webhooks could reach nearly everything"
    return None

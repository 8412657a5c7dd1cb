"""`manage.py check` speaks up when the settings open too much."""

from __future__ import annotations

import pytest
from django.core.checks import CheckMessage, run_checks
from pytest_django import Settings


def _found() -> list[CheckMessage]:
    return [message for message in run_checks(tags=["security"]) if str(message.id).startswith("webhooks.")]


@pytest.mark.parametrize("networks", [[], ["127.0.0.0/8"], ["10.1.0.0/16", "fd00:1::/32"]])
def test_networks_of_ones_own_are_no_matter(settings: Settings, networks: list[str]) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = networks
    assert _found() == []


@pytest.mark.parametrize(
    "network",
    [
        "0.0.0.0/0",
        "::/0",
        "169.254.0.0/16",
        "169.254.169.254/32",
        "168.63.129.16/32",
        "fd00::/8",
        "64.0.0.0/2",
        "2000::/3",
    ],
)
def test_a_network_that_opens_too_much_is_named(settings: Settings, network: str) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["10.1.0.0/16", network]
    [message] = _found()
    assert message.id == "webhooks.W001"
    assert network in message.msg


def test_a_misspelt_network_stops_the_start(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["10.0.0.1/8"]
    [message] = _found()
    assert (message.id, message.is_serious()) == ("webhooks.E001", True)


@pytest.mark.parametrize(("days", "found"), [(6, ["webhooks.E002"]), (7, []), (90, [])])
def test_deliveries_are_not_forgotten_while_they_are_tried(
    settings: Settings, days: int, found: list[str]
) -> None:
    settings.WEBHOOK_RETENTION_DAYS = days
    assert [message.id for message in _found()] == found

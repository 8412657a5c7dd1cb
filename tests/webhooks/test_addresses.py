"""Which addresses may be connected to, and which only when their network is opened on purpose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from webhooks.addresses import allowed, parse_networks, refused_kind

TARGETS = json.loads(Path(__file__).with_name("vectors").joinpath("outbound-targets.json").read_text())
FURTHER = [
    "100.127.255.255",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b:1::7f00:1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:1ff::1",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fec0::1",
    "fdff::1",
    "febf::1",
    "ff0e::1",
    "4000::1",
    "fe00::1",
    "2606:4700:4700::1111%eth0",
    "127.1",
    "0177.0.0.1",
    "example.org",
    "",
]


@pytest.mark.parametrize("address", TARGETS["refuse_addresses"] + FURTHER)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not allowed(address, open_networks=())


@pytest.mark.parametrize(
    "address",
    [*TARGETS["allow_addresses"], "1.1.1.1", "172.32.0.1", "100.128.0.1", "2001:4860:4860::8888", "3ffe::1"],
)
def test_a_public_address_is_allowed(address: str) -> None:
    assert allowed(address, open_networks=())


def test_an_opened_network_is_allowed_and_nothing_beside_it() -> None:
    opened = parse_networks(["10.1.0.0/16", "fd00:1::/32"])
    assert allowed("10.1.2.3", open_networks=opened)
    assert allowed("fd00:1::9", open_networks=opened)
    assert not allowed("10.2.0.1", open_networks=opened)
    assert not allowed("::ffff:10.1.2.3", open_networks=opened)
    assert not allowed("169.254.169.254", open_networks=opened)


def test_a_refusal_tells_its_kind() -> None:
    assert refused_kind("169.254.169.254", open_networks=()) == "link-local"
    assert refused_kind("64:ff9b::808:808", open_networks=()) == "NAT64"
    assert refused_kind("8.8.8.8", open_networks=()) is None


@pytest.mark.parametrize("text", ["127.0.0.1/8", "ten", "10.0.0.0/33"])
def test_a_misspelt_network_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse_networks([text])

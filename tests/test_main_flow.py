"""The product's main job from end to end, over real HTTP, with nothing faked but the vendors."""

from __future__ import annotations

from typing import Any

import pytest

from credentials.models import WalletPass
from tests.fakes.passd_wire import InstalledPass
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_from_an_api_call_to_the_wallet_and_back(world: World) -> None:
    issued = world.issue()
    first = adding_it_closes_the_url(world, issued)
    orders_reach_the_phone(world, issued, first)
    second = removing_it_opens_the_url_again(world, issued, first)
    revoking_it_is_the_end(world, issued, second)
    world.work()
    assert world.heard() == [
        "credential.created",
        "credential.added_to_wallet",
        "credential.suspended",
        "credential.resumed",
        "credential.removed_from_wallet",
        "credential.added_to_wallet",
        "credential.revoked",
    ]
    assert world.phone.complaints == []


def adding_it_closes_the_url(world: World, issued: dict[str, Any]) -> InstalledPass:
    url = issued["url"]
    assert issued["status"] == "invited"
    assert world.page(url) == (200, "ready")
    card = world.add(url)
    shown = world.credential(issued)
    assert (shown["status"], shown["wallet_type"], shown["devices"]) == ("added_to_wallet", "apple", 1)
    assert shown["value"] == card.pass_json["barcodes"][0]["message"]
    assert "url" not in shown
    assert world.page(url) == (200, "in_use")
    assert world.browser.post(f"{url}/apple").status_code == 409
    world.work()
    assert world.heard() == ["credential.created", "credential.added_to_wallet"]
    return card


def orders_reach_the_phone(world: World, issued: dict[str, Any], card: InstalledPass) -> None:
    assert world.api.post(f"/credentials/{issued['id']}/suspend").status_code == 200
    assert world.page(issued["url"]) == (200, "suspended")
    world.work()
    assert world.phone.passes[card.serial].pass_json["voided"] is True
    assert world.api.post(f"/credentials/{issued['id']}/resume").status_code == 200
    world.phone.pull_to_refresh(card.serial)
    assert not world.phone.passes[card.serial].pass_json.get("voided")
    # Once more: the phone is told 304, or it would complain.
    world.phone.pull_to_refresh(card.serial)


def removing_it_opens_the_url_again(
    world: World, issued: dict[str, Any], card: InstalledPass
) -> InstalledPass:
    world.phone.remove(card.serial)
    assert world.credential(issued)["status"] == "removed_from_wallet"
    assert world.page(issued["url"]) == (200, "ready")
    second = world.add(issued["url"])
    assert second.serial != card.serial
    assert second.pass_json["barcodes"] != card.pass_json["barcodes"]
    assert world.credential(issued)["status"] == "added_to_wallet"
    return second


def revoking_it_is_the_end(world: World, issued: dict[str, Any], card: InstalledPass) -> None:
    assert world.api.delete(f"/credentials/{issued['id']}").status_code == 202
    world.work()
    dead = world.phone.passes[card.serial].pass_json
    assert dead["voided"] is True
    assert "barcodes" not in dead
    assert world.page(issued["url"]) == (410, "revoked")
    assert world.browser.post(f"{issued['url']}/apple").status_code == 410
    assert world.api.delete(f"/credentials/{issued['id']}").status_code == 202


def test_a_watch_shares_the_pass_and_both_must_let_go(world: World) -> None:
    issued = world.issue()
    watch = world.phone.pair_watch()
    card = world.add(issued["url"])
    assert world.credential(issued)["devices"] == 2
    world.phone.change_push_token()
    watch.toggle_automatic_updates(card.serial, on=False)
    assert world.credential(issued)["status"] == "added_to_wallet"
    assert world.credential(issued)["devices"] == 1
    world.phone.remove(card.serial)
    assert world.credential(issued)["status"] == "removed_from_wallet"


def test_turning_automatic_updates_off_and_on_changes_nothing_in_the_end(world: World) -> None:
    issued = world.issue()
    card = world.add(issued["url"])
    world.phone.toggle_automatic_updates(card.serial, on=False)
    assert world.page(issued["url"]) == (200, "ready")
    world.phone.toggle_automatic_updates(card.serial, on=True)
    assert world.credential(issued)["status"] == "added_to_wallet"
    world.phone.reboot()


def test_a_phone_that_was_wiped_gives_the_pass_back_at_the_next_push(world: World) -> None:
    issued = world.issue()
    world.add(issued["url"])
    world.phone.wipe()
    world.api.post(f"/credentials/{issued['id']}/suspend")
    world.work()
    assert world.credential(issued)["status"] == "removed_from_wallet"


def test_a_new_url_ends_the_old_one_and_leaves_the_wallet_alone(world: World) -> None:
    issued = world.issue()
    world.add(issued["url"])
    renewed = world.api.post(f"/credentials/{issued['id']}/url")
    assert renewed.status_code == 201
    assert world.page(issued["url"]) == (410, "replaced")
    assert world.page(renewed.json()["url"]) == (200, "in_use")
    assert WalletPass.objects.get().state == "installed"

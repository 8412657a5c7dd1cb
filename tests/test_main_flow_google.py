"""The main job on an Android phone, end to end over real HTTP, and both wallets at once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from credentials.models import CredentialType, WalletPass
from tests.fakes.android import AndroidPhone, Card, SaveRefused
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_from_an_api_call_to_googles_wallet_and_back(world: World) -> None:
    issued = world.issue()
    first = saving_it_closes_the_url(world, issued)
    orders_reach_the_card(world, issued, first)
    a_new_design_reaches_the_card(world, first)
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


def saving_it_closes_the_url(world: World, issued: dict[str, Any]) -> Card:
    url = issued["url"]
    assert world.page(url) == (200, "ready")
    card = world.save(url)
    shown = world.credential(issued)
    assert (shown["status"], shown["wallet_type"], shown["devices"]) == ("added_to_wallet", "google", 1)
    assert (shown["value"], shown["confirmed_by"]) == (card.value, "callback")
    assert not card.is_dead
    assert "Ada Lovelace" in card.words()
    every_picture_is_there(card)
    assert world.page(url) == (200, "in_use")
    assert world.browser.post(f"{url}/google").status_code == 409
    assert world.browser.post(f"{url}/apple").status_code == 409
    world.work()
    assert world.heard() == ["credential.created", "credential.added_to_wallet"]
    return card


def every_picture_is_there(card: Card) -> None:
    """Google fetches them without knowing anybody here."""
    for address in card.pictures():
        picture = httpx.get(address)
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")


def orders_reach_the_card(world: World, issued: dict[str, Any], card: Card) -> None:
    assert world.api.post(f"/credentials/{issued['id']}/suspend").status_code == 200
    assert world.page(issued["url"]) == (200, "suspended")
    world.work()
    held_back = world.android.card(card.object_id)
    assert (held_back.is_dead, held_back.codes) == (True, {})
    assert "Suspended" in held_back.words()
    assert "Gesperrt" in held_back.words("de")
    assert world.api.post(f"/credentials/{issued['id']}/resume").status_code == 200
    world.work()
    again = world.android.card(card.object_id)
    assert (again.is_dead, again.value) == (False, card.value)


def a_new_design_reaches_the_card(world: World, card: Card) -> None:
    kind = CredentialType.objects.get()
    kind.background_color, kind.fields = "#00aa55", [*kind.fields[:1], GYM]
    kind.version += 1
    kind.save()
    world.work()
    shown = world.android.card(card.object_id)
    assert shown.resource["hexBackgroundColor"] == "#00aa55"
    assert "Main Street" in shown.words()
    assert "Personal, not transferable." not in shown.words()


GYM = {"area": "secondary", "key": "gym", "label": "Gym", "value": "Main Street"}


def removing_it_opens_the_url_again(world: World, issued: dict[str, Any], card: Card) -> Card:
    world.android.remove(card.object_id)
    world.report()
    assert world.credential(issued)["status"] == "removed_from_wallet"
    assert world.page(issued["url"]) == (200, "ready")
    second = world.save(issued["url"])
    assert second.object_id != card.object_id
    assert second.value not in (None, card.value)
    assert world.credential(issued)["status"] == "added_to_wallet"
    return second


def revoking_it_is_the_end(world: World, issued: dict[str, Any], card: Card) -> None:
    assert world.api.delete(f"/credentials/{issued['id']}").status_code == 202
    world.work()
    [dead] = world.android.cards
    assert (dead.object_id, dead.resource["state"], dead.codes) == (card.object_id, "EXPIRED", {})
    assert "Revoked" in dead.words()
    assert world.page(issued["url"]) == (410, "revoked")
    assert world.browser.post(f"{issued['url']}/google").status_code == 410


def test_a_card_that_is_saved_after_its_end_stays_dead(world: World) -> None:
    issued = world.issue()
    link = world.link(issued["url"])
    world.api.delete(f"/credentials/{issued['id']}")
    world.work()
    assert world.android.save(link).is_dead
    world.report()
    world.work()
    assert world.credential(issued)["status"] == "revoked"
    [card] = world.android.cards
    assert (card.is_dead, card.codes) == (True, {})


def test_a_link_that_leaked_serves_only_the_first_who_uses_it(world: World) -> None:
    issued = world.issue()
    link = world.link(issued["url"])
    world.save(issued["url"])
    with (
        AndroidPhone(world.google, user="eve@gmail.com") as another,
        pytest.raises(SaveRefused, match="another user"),
    ):
        another.save(link)
    assert WalletPass.objects.get().state == "installed"


def test_the_wallet_that_reports_first_wins_and_the_other_card_dies(world: World) -> None:
    issued = world.issue()
    file, link = world.download(issued["url"]), world.link(issued["url"])
    world.android.save(link)
    world.phone.add(file)
    # Google's message comes after Apple's.
    world.report()
    assert world.credential(issued)["wallet_type"] == "apple"
    world.work()
    assert [(card.is_dead, card.codes) for card in world.android.cards] == [(True, {})]
    assert not any(card.pass_json.get("voided") for card in world.phone.passes.values())


def test_the_apple_pass_dies_when_google_was_first(world: World) -> None:
    issued = world.issue()
    file = world.download(issued["url"])
    card = world.save(issued["url"])
    world.phone.add(file)
    world.work()
    assert world.credential(issued)["wallet_type"] == "google"
    [lost] = world.phone.passes.values()
    assert lost.pass_json["voided"] is True
    assert world.android.card(card.object_id).value == card.value

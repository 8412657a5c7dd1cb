"""Google is away, out of patience or does not know us: nothing is lost, and little stands still."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import time_machine

from credentials.models import Event, WalletPass
from credentials.states import PassState
from redemption.models import GoogleIssuer, GooglePass, GoogleRootKeys
from tests.fakes.android import Card
from tests.fakes.google import Fault
from tests.fakes.google_wire import Answer, Refused
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

QUOTA = Refused(403, "Quota exceeded for issuer.", reason="quotaExceeded").answer
OVERLOADED = Answer(503, "<h1>Service Unavailable</h1>")


@pytest.fixture
def clock(world: World) -> Iterator[time_machine.Traveller]:
    """The time, which goes on and can be turned."""
    with time_machine.travel(datetime.now(UTC), tick=True) as traveller:
        yield traveller


@pytest.fixture
def broken(world: World) -> list[str]:
    """Every answer of the server from now on that is a 5xx."""
    answers: list[str] = []

    def note(answer: httpx.Response) -> None:
        if answer.status_code >= 500:
            answers.append(f"{answer.status_code} {answer.request.method} {answer.url.path.split('/')[-1]}")

    for client in (world.api, world.browser):
        client.event_hooks["response"].append(note)
    return answers


def pass_time(world: World, clock: time_machine.Traveller, *, hours: int) -> None:
    """An hour and its work, so often."""
    for _ in range(hours):
        clock.shift(timedelta(hours=1))
        world.work()


def revoke(world: World, public_id: str) -> None:
    assert world.api.delete(f"/credentials/{public_id}").status_code == 202


def owed() -> int:
    return GooglePass.objects.filter(patch_due_at__isnull=False).count()


def shown(world: World, card: Card) -> Card:
    return world.android.card(card.object_id)


def test_while_google_is_down_only_claims_wait(
    world: World, clock: time_machine.Traveller, broken: list[str]
) -> None:
    revoked, suspended, saved, claimed = (world.issue(f"{name}@example.org") for name in "abcd")
    first, second = world.save(revoked["url"]), world.save(suspended["url"])
    world.android.save(world.link(saved["url"]))
    world.google.go_down()

    assert world.browser.post(f"{claimed['url']}/google").status_code == 503
    assert world.page(claimed["url"]) == (200, "ready")
    assert not WalletPass.objects.filter(credential__public_id=claimed["id"]).exists()
    assert broken == ["503 POST google"]
    world.add(claimed["url"])
    revoke(world, revoked["id"])
    assert world.api.post(f"/credentials/{suspended['id']}/suspend").status_code == 200
    # What Google says is taken with the keys that are known, and believed before it can be asked.
    world.report()
    assert world.credential(saved)["status"] == "added_to_wallet"
    assert world.page(saved["url"]) == (200, "in_use")
    pass_time(world, clock, hours=6)
    assert owed() == 2
    assert (shown(world, first).value, shown(world, second).value) == (first.value, second.value)

    world.google.recover()
    pass_time(world, clock, hours=2)
    assert owed() == 0
    for card in (first, second):
        assert (shown(world, card).is_dead, shown(world, card).codes) == (True, {})
    assert GooglePass.objects.filter(wallet_pass__state=PassState.INSTALLED, has_users=True).count() == 2
    assert len(world.heard_of(saved)) == 2
    assert broken == ["503 POST google"]


@pytest.mark.parametrize(
    "trouble", [Fault.DROP, Fault.LOSE, QUOTA, OVERLOADED], ids=["drop", "lose", "quota", "overloaded"]
)
def test_whatever_a_request_meets_it_is_done_in_the_end(
    world: World, clock: time_machine.Traveller, broken: list[str], trouble: Fault | Answer
) -> None:
    issued, another = world.issue("a@example.org"), world.issue("b@example.org")
    card = world.save(issued["url"])
    world.google.always(trouble, "rest")
    assert world.browser.post(f"{another['url']}/google").status_code == 503
    revoke(world, issued["id"])
    pass_time(world, clock, hours=3)
    assert owed() == 1
    world.google.recover()
    pass_time(world, clock, hours=2)
    assert (owed(), shown(world, card).codes) == (0, {})
    # A card that was made in vain has no link, and no trace here.
    assert world.save(another["url"]).value == world.credential(another)["value"]
    assert WalletPass.objects.filter(credential__public_id=another["id"]).count() == 1
    assert broken == ["503 POST google"]


def test_without_tokens_it_is_the_same(
    world: World, clock: time_machine.Traveller, broken: list[str]
) -> None:
    card = world.save((issued := world.issue())["url"])
    world.google.tokens.granted.clear()
    world.google.always(Fault.DROP, "token")
    revoke(world, issued["id"])
    pass_time(world, clock, hours=2)
    assert owed() == 1
    world.google.recover()
    pass_time(world, clock, hours=2)
    assert (owed(), shown(world, card).codes, broken) == (0, {}, [])


def test_without_root_keys_messages_are_sent_back_and_come_again(
    world: World, clock: time_machine.Traveller
) -> None:
    GoogleRootKeys.objects.all().delete()
    world.google.always(Fault.DROP, "keys")
    issued = world.issue()
    world.android.save(world.link(issued["url"]))
    assert world.google.callbacks.deliver() == [503]
    assert world.credential(issued)["status"] == "invited"
    # A flood of messages is no flood of requests for keys.
    asked = len(world.google.asked("keys"))
    assert {world.google.callbacks.deliver()[0] for _ in range(5)} == {503}
    assert len(world.google.asked("keys")) == asked
    world.google.recover()
    clock.shift(timedelta(minutes=1))
    world.report()
    assert world.credential(issued)["status"] == "added_to_wallet"


def test_lost_messages_are_made_up_for_by_asking(world: World, clock: time_machine.Traveller) -> None:
    issued = world.issue()
    card = world.android.save(world.link(issued["url"]))
    assert world.google.callbacks.lose() == 1
    pass_time(world, clock, hours=1)
    shown_now = world.credential(issued)
    assert (shown_now["status"], shown_now["confirmed_by"]) == ("added_to_wallet", "reconciled")
    world.android.remove(card.object_id)
    assert world.google.callbacks.lose() == 1
    pass_time(world, clock, hours=26)
    assert world.credential(issued)["status"] == "removed_from_wallet"
    assert world.page(issued["url"]) == (200, "ready")


def test_a_service_account_that_nobody_invited_is_named(
    world: World, clock: time_machine.Traveller, issuer: GoogleIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    issued = world.issue()
    invited = world.google.resources.invited.pop(issuer.issuer_id)
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            assert world.browser.post(f"{issued['url']}/google").status_code == 503
    issuer.refresh_from_db()
    assert issuer.service_account_email in issuer.refusal
    assert issuer.service_account_email in caplog.text
    assert Event.objects.filter(type="google_issuer.refused").count() == 1
    world.google.resources.invited[issuer.issuer_id] = invited
    clock.shift(timedelta(minutes=1))
    assert world.save(issued["url"]).value is not None
    issuer.refresh_from_db()
    assert (issuer.refused_at, issuer.refusal) == (None, "")

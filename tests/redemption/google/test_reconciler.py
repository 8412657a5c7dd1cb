"""What is found by asking Google: passes whose messages got lost, in time, in turn, whatever it answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from credentials import lifecycle
from credentials.errors import Unavailable
from credentials.models import Account, Event, WalletPass
from credentials.states import PassState, State, Wallet
from redemption import tasks
from redemption.google import evidence, quota, reconciler
from redemption.google.issuers import import_issuer
from redemption.models import GoogleIssuer, GooglePass
from tests import factories
from tests.fakes.google import FakeGoogle
from tests.fakes.google_wire import Answer, Refused
from tests.redemption.google.cards import Card, claimed, hear

pytestmark = pytest.mark.django_db

Later = Callable[..., None]


@pytest.fixture
def later(clock: time_machine.Traveller) -> Later:
    """Lets time pass, and the reconciler run."""

    def pass_by(**time: float) -> None:
        clock.shift(timedelta(**time))
        tasks.reconcile_google.run()

    return pass_by


def lost(card: Card) -> Card:
    """Its messages get lost."""
    card.google.callbacks.lose()
    return card


# --- What it finds ----------------------------------------------------------------------------------


def test_a_save_whose_message_got_lost_is_found(card: Card, later: Later) -> None:
    card.save()
    lost(card)
    later(seconds=59)
    assert card.pass_state == PassState.OFFERED
    later(seconds=1)
    assert (card.pass_state, card.state) == (PassState.INSTALLED, State.ADDED_TO_WALLET)
    assert (card.evidence, card.now.confirmed_at) == ("reconciled", timezone.now())
    assert Event.objects.get(type="credential.added_to_wallet").actor == "google"


def test_a_removal_whose_message_got_lost_is_found_within_a_day(
    client: Client, card: Card, later: Later
) -> None:
    card.save()
    hear(client, card.google)
    card.remove()
    lost(card)
    later(hours=23, minutes=59)
    assert card.pass_state == PassState.INSTALLED
    later(minutes=1)
    for wait in (30, 120, 600):
        assert card.pass_state == PassState.INSTALLED
        later(seconds=wait)
    assert (card.pass_state, card.state) == (PassState.REMOVED, State.REMOVED_FROM_WALLET)


def test_a_removal_of_what_was_found_so_needs_no_doubt(card: Card, later: Later) -> None:
    card.save()
    lost(card)
    later(minutes=1)
    card.remove()
    lost(card)
    later(days=1)
    assert card.pass_state == PassState.REMOVED


def test_a_message_that_comes_after_all_changes_nothing_more(
    client: Client, card: Card, later: Later
) -> None:
    card.save()
    later(minutes=1)
    hear(client, card.google)
    assert Event.objects.filter(type="credential.added_to_wallet").count() == 1
    assert (card.row.saves, card.pass_state) == (1, PassState.INSTALLED)
    card.remove()
    hear(client, card.google)
    assert card.pass_state == PassState.REMOVED


def test_a_pass_that_lost_meanwhile_is_voided_and_says_so(card: Card, later: Later) -> None:
    card.save()
    lost(card)
    later(minutes=1)
    card.remove()
    lost(card)
    later(days=1)
    other = claimed(
        card.credential.account, card.row.google_class.issuer, card.google, credential=card.credential
    )
    other.save()
    card.save()
    lost(card)
    later(minutes=1)
    states = {card.pass_state, other.pass_state}
    assert states == {PassState.INSTALLED, PassState.VOIDED}
    voided = next(each for each in (card, other) if each.pass_state == PassState.VOIDED)
    assert voided.row.patch_due_at == timezone.now()


def test_what_was_voided_is_asked_about_no_more(card: Card, later: Later) -> None:
    lifecycle.revoke(card.credential, actor="test")
    card.save()
    later(minutes=1)
    assert card.asked() == 0
    assert card.row.check_due_at is None


# --- When it asks -----------------------------------------------------------------------------------


def test_an_offer_is_asked_about_ever_more_seldom_and_for_a_month(
    card: Card, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A month passes in a second, in which Google would not answer so often.
    monkeypatch.setattr(quota, "BACKGROUND_INTERVAL", timedelta())
    card.google.quota = None
    claimed_at = timezone.now()
    asked = []
    while (due := card.row.check_due_at) is not None:
        clock.move_to(due)
        tasks.reconcile_google.run()
        asked.append(due - claimed_at)
    first = [timedelta(minutes=m) for m in (1, 5, 30, 120, 720)]
    assert asked[:5] == first
    assert asked[5:] == [timedelta(hours=12, days=day) for day in range(1, 30)]
    assert card.asked() == len(asked)


def test_a_pass_in_a_wallet_is_asked_about_every_day_and_its_evidence_renewed(
    client: Client, card: Card, later: Later
) -> None:
    card.save()
    hear(client, card.google)
    for _ in range(4):
        later(days=1)
    assert card.asked() == 5
    assert (card.evidence, card.now.confirmed_at) == ("reconciled", timezone.now())
    assert Event.objects.filter(type__startswith="credential.added").count() == 1


def test_a_removed_pass_is_waited_for_anew(client: Client, card: Card, clock: time_machine.Traveller) -> None:
    card.save()
    hear(client, card.google)
    clock.shift(timedelta(days=50))
    card.remove()
    hear(client, card.google)
    assert card.row.check_due_at == timezone.now() + timedelta(minutes=1)


def test_the_oldest_evidence_is_renewed_first(
    card: Card, acme: Account, issuer: GoogleIssuer, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = [card, *(claimed(acme, issuer, card.google) for _ in range(4))]
    for age, each in zip((3, 1, 5, 2, 4), cards, strict=True):
        GooglePass.objects.filter(pk=each.wallet_pass.pk).update(
            check_due_at=timezone.now() - timedelta(hours=age)
        )
    monkeypatch.setattr(reconciler, "BATCH", 2)
    later()
    asked = [request.path.rpartition("/")[2] for request in card.google.asked("rest")]
    assert asked == [cards[index].object_id for index in (2, 4, 0, 3, 1)]


def test_nobody_is_asked_for_an_issuer_without_a_key(card: Card, later: Later) -> None:
    GoogleIssuer.objects.update(private_key=None)
    later(minutes=1)
    assert card.google.asked("rest") == []


# --- How Google answers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "outcome",
    [
        Answer(503, "down"),
        Answer(200, "<p>a portal</p>"),
        Refused(429, "Quota exceeded.", reason="rateLimitExceeded", domain="global").answer,
    ],
    ids=["down", "somebody-else", "over-quota"],
)
def test_whoever_is_not_answered_is_left_alone_for_minutes(
    card: Card, acme: Account, issuer: GoogleIssuer, later: Later, outcome: Answer
) -> None:
    other = claimed(acme, issuer, card.google)
    for each in (card, other):
        each.save()
        lost(each)
    card.google.always(outcome, "rest")
    later(minutes=1)
    later(seconds=10)
    assert len(card.google.asked("rest")) == 1
    card.google.recover()
    later(minutes=5)
    assert (card.pass_state, other.pass_state) == (PassState.INSTALLED, PassState.INSTALLED)


def test_an_issuer_that_google_lets_not_in_is_noted(card: Card, later: Later) -> None:
    card.google.resources.invited.clear()
    later(minutes=1)
    issuer = GoogleIssuer.objects.get()
    assert issuer.refused_at == timezone.now()
    assert "Invite this address" in issuer.refusal


def test_one_issuer_s_trouble_is_not_another_s(
    card: Card, globex: Account, google: FakeGoogle, later: Later
) -> None:
    account = google.open_account("3388000000033000003")
    theirs = claimed(globex, reissued(globex, account), google)
    theirs.save()
    lost(theirs)
    google.resources.invited["3388000000022000001"] = set()
    later(minutes=1)
    assert (theirs.pass_state, card.row.checked_at) == (PassState.INSTALLED, None)


def reissued(account: Account, service_account: Any) -> GoogleIssuer:
    from_file = service_account.file()
    return import_issuer(account, issuer_id="3388000000033000003", service_account=from_file, actor="test")


def test_an_object_that_google_does_not_know_is_sent_again(
    card: Card, later: Later, caplog: pytest.LogCaptureFixture
) -> None:
    del card.google.resources.objects[card.object_id]
    later(minutes=1)
    assert card.row.patch_due_at == timezone.now()
    assert card.pass_state == PassState.OFFERED
    assert "does not know" in caplog.text


def test_what_is_wrong_with_one_pass_stops_no_other(
    card: Card, acme: Account, issuer: GoogleIssuer, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [claimed(acme, issuer, card.google) for _ in range(2)]
    for each in (card, *others):
        each.save()
        lost(each)
    card.google.script("rest", [Refused(400, "Invalid resource ID.", reason="invalidResource").answer])
    believe = evidence.believe

    def fail_for_one(held: WalletPass, google_pass: GooglePass, **answer: Any) -> None:
        if held.pk == others[0].wallet_pass.pk:
            raise RuntimeError("broken")
        believe(held, google_pass, **answer)

    monkeypatch.setattr(evidence, "believe", fail_for_one)
    later(minutes=1)
    states = [each.pass_state for each in (card, *others)]
    assert states == [PassState.OFFERED, PassState.OFFERED, PassState.INSTALLED]
    monkeypatch.undo()
    later(minutes=5)
    assert {each.pass_state for each in (card, *others)} == {PassState.INSTALLED}


def test_a_later_answer_is_not_overwritten_by_an_earlier_one(card: Card, later: Later) -> None:
    card.save()
    lost(card)
    GooglePass.objects.update(checked_at=timezone.now() + timedelta(hours=1))
    later(minutes=1)
    assert card.pass_state == PassState.OFFERED


def test_a_run_ends_in_time_and_the_next_goes_on(
    card: Card, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler, "LONGEST_RUN", -1.0)
    later(minutes=1)
    assert card.asked() == 0
    monkeypatch.undo()
    later()
    assert card.asked() == 1


# --- An admin asks ----------------------------------------------------------------------------------


def test_an_admin_need_not_wait(card: Card) -> None:
    card.save()
    reconciler.look_now(card.row, actor="admin:root")
    assert (card.pass_state, card.evidence) == (PassState.INSTALLED, "reconciled")


def test_an_admin_hears_why_there_is_no_answer(card: Card, caplog: pytest.LogCaptureFixture) -> None:
    card.google.resources.invited.clear()
    with caplog.at_level(logging.INFO), pytest.raises(Unavailable, match="Invite this address"):
        reconciler.look_now(card.row, actor="admin:root")
    assert "admin:root asks Google" in caplog.text


def test_an_apple_pass_has_nothing_to_do_with_it(card: Card, later: Later) -> None:
    factories.wallet_pass(card.credential, wallet=Wallet.APPLE)
    later(minutes=1)
    assert card.google.asked("rest")[0].path.endswith(card.object_id)
    assert len(card.google.asked("rest")) == 1

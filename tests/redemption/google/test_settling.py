"""What becomes of Google's messages: counted once, believed when Google agrees, none in the way of others."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from credentials import issuing, lifecycle
from credentials.models import Account, Credential, Event, WalletPass
from credentials.states import PassState, State, Wallet
from redemption import tasks
from redemption.google import evidence, settling
from redemption.models import GoogleIssuer, GoogleMessage, GooglePass
from tests import factories
from tests.fakes.google import FakeGoogle
from tests.fakes.google_wire import Answer
from tests.redemption.google.cards import Card, claimed, deliver, hear, post, reconcile_later, settle_later

pytestmark = pytest.mark.django_db

Status = GoogleMessage.Status


def events_of(card: Card) -> list[str]:
    return list(
        Event.objects.filter(credential=card.credential, type__contains="wallet")
        .order_by("pk")
        .values_list("type", flat=True)
    )


# --- Saved and removed ------------------------------------------------------------------------------


def test_a_save_installs_the_pass(client: Client, card: Card) -> None:
    card.save()
    hear(client, card.google)
    assert (card.pass_state, card.state) == (PassState.INSTALLED, State.ADDED_TO_WALLET)
    assert (card.evidence, card.now.confirmed_at) == ("callback", timezone.now())
    assert card.now.devices == 1
    assert card.row.has_users is True
    assert Event.objects.get(type="credential.added_to_wallet").actor == "google"


def test_a_removal_that_google_confirms_removes_it(client: Client, card: Card) -> None:
    card.save()
    hear(client, card.google)
    card.remove()
    hear(client, card.google)
    assert (card.pass_state, card.state) == (PassState.REMOVED, State.REMOVED_FROM_WALLET)
    assert card.row.has_users is False
    assert events_of(card) == ["credential.added_to_wallet", "credential.removed_from_wallet"]


def test_a_save_after_a_removal_installs_it_again(client: Client, card: Card) -> None:
    for step in (card.save, card.remove, card.save):
        step()
        hear(client, card.google)
    assert (card.pass_state, card.state) == (PassState.INSTALLED, State.ADDED_TO_WALLET)
    assert (card.row.saves, card.row.removals) == (2, 1)
    assert not GoogleMessage.objects.exclude(remark="").exists()


def test_messages_of_one_pass_that_wait_together_make_one_question(client: Client, card: Card) -> None:
    for step in (card.save, card.remove, card.save):
        step()
    hear(client, card.google)
    assert card.asked() == 1
    assert card.pass_state == PassState.INSTALLED


def test_a_save_wins_over_the_other_wallet_s_offer(client: Client, card: Card) -> None:
    other = factories.wallet_pass(card.credential, wallet=Wallet.APPLE)
    card.save()
    hear(client, card.google)
    other.refresh_from_db()
    assert (card.pass_state, other.state) == (PassState.INSTALLED, PassState.VOIDED)


def test_another_account_s_passes_are_left_alone(
    client: Client, card: Card, globex: Account, google: FakeGoogle
) -> None:
    theirs = factories.wallet_pass(factories.credential(globex), wallet=Wallet.GOOGLE)
    foreign = f"{card.row.google_class.issuer.issuer_id}.{theirs.serial_number}"
    google.resources.objects[foreign] = google.resources.objects[card.object_id]
    google.saving.save(foreign, user="eve@gmail.com")
    hear(client, google)
    theirs.refresh_from_db()
    assert theirs.state == PassState.OFFERED


# --- Doubt ------------------------------------------------------------------------------------------


def test_a_save_counts_although_google_does_not_know_of_it_yet(
    client: Client, card: Card, clock: time_machine.Traveller
) -> None:
    card.google.resources.has_users_lags = True
    card.save()
    hear(client, card.google)
    assert card.pass_state == PassState.INSTALLED
    assert card.row.check_due_at == timezone.now() + timedelta(seconds=30)
    card.google.resources.catch_up()
    reconcile_later(clock, 30)
    assert (card.pass_state, card.row.has_users) == (PassState.INSTALLED, True)
    assert card.row.check_due_at == timezone.now() + timedelta(days=1)


def test_a_removal_waits_until_google_knows_of_it(
    client: Client, card: Card, clock: time_machine.Traveller
) -> None:
    card.save()
    hear(client, card.google)
    card.google.resources.has_users_lags = True
    card.remove()
    hear(client, card.google)
    assert card.pass_state == PassState.INSTALLED
    reconcile_later(clock, 30)
    assert card.pass_state == PassState.INSTALLED
    card.google.resources.catch_up()
    reconcile_later(clock, 120)
    assert card.pass_state == PassState.REMOVED


def test_google_s_last_answer_stands_against_a_message(
    client: Client, card: Card, clock: time_machine.Traveller
) -> None:
    card.save()
    hear(client, card.google)
    card.remove()
    card.google.callbacks.lose()
    card.save()
    card.google.resources.holders[card.object_id].shown = False
    hear(client, card.google)
    card.google.resources.holders[card.object_id].users.clear()
    for seconds in (30, 120):
        reconcile_later(clock, seconds)
        assert card.pass_state == PassState.INSTALLED
    reconcile_later(clock, 600)
    assert card.pass_state == PassState.REMOVED
    assert events_of(card) == ["credential.added_to_wallet", "credential.removed_from_wallet"]


def test_what_google_has_confirmed_is_not_doubted_again(
    client: Client, card: Card, clock: time_machine.Traveller
) -> None:
    card.save()
    card.google.callbacks.double()
    card.google.callbacks.pending[1].body = _signed_anew(card)
    hear(client, card.google)
    card.remove()
    hear(client, card.google)
    for seconds in (30, 120, 600):
        reconcile_later(clock, seconds)
    assert card.pass_state == PassState.REMOVED
    asked = card.asked()
    reconcile_later(clock, 10)
    assert card.asked() == asked


def _signed_anew(card: Card) -> bytes:
    """The message of a save once more, under another nonce."""
    message = card.google.callbacks.pending[0].message
    issuer_id = card.object_id.partition(".")[0]
    return card.google.signer.envelope({**message, "nonce": "another"}, recipient=issuer_id)


def test_a_second_save_without_a_removal_is_remarked_upon(
    client: Client, card: Card, caplog: pytest.LogCaptureFixture
) -> None:
    card.save()
    again = _signed_anew(card)
    hear(client, card.google)
    with caplog.at_level(logging.WARNING):
        assert post(client, again, url=card.url).status_code == 200
        tasks.settle_google.run()
    assert GoogleMessage.objects.get(nonce="another").remark.startswith("It was saved once more")
    assert "was saved once more" in caplog.text
    assert card.pass_state == PassState.INSTALLED


# --- Google is away ---------------------------------------------------------------------------------


def test_a_save_installs_while_google_is_away_and_is_confirmed_later(
    client: Client, card: Card, clock: time_machine.Traveller
) -> None:
    deliver(client, card.google)
    card.save()
    deliver(client, card.google)
    card.google.go_down()
    tasks.settle_google.run()
    assert (card.pass_state, card.evidence) == (PassState.INSTALLED, "callback")
    assert card.row.checked_at is None
    card.google.recover()
    reconcile_later(clock, 30)
    assert (card.row.has_users, card.evidence) == (True, "reconciled")


def test_a_removal_waits_for_google_to_come_back(
    client: Client, card: Card, clock: time_machine.Traveller
) -> None:
    card.save()
    hear(client, card.google)
    card.remove()
    deliver(client, card.google)
    card.google.always(Answer(503, "down"), "rest", "token")
    tasks.settle_google.run()
    reconcile_later(clock, 30)
    assert card.pass_state == PassState.INSTALLED
    card.google.recover()
    reconcile_later(clock, 300)
    assert card.pass_state == PassState.REMOVED


def test_google_is_not_asked_about_the_rest_when_it_does_not_answer(
    client: Client, card: Card, acme: Account, issuer: GoogleIssuer
) -> None:
    others = [claimed(acme, issuer, card.google) for _ in range(3)]
    for each in (card, *others):
        each.save()
    deliver(client, card.google)
    card.google.always(Answer(500, "down"), "rest")
    tasks.settle_google.run()
    assert len(card.google.asked("rest")) == 1
    assert {each.pass_state for each in (card, *others)} == {PassState.INSTALLED}


# --- What ended stays ended -------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["revoke", "expire", "renew"])
def test_a_save_of_what_has_ended_changes_nothing_and_is_patched_again(
    client: Client, card: Card, end: str
) -> None:
    match end:
        case "revoke":
            lifecycle.revoke(card.credential, actor="test")
        case "expire":
            Credential.objects.update(expires_at=timezone.now())
        case "renew":
            issuing.renew_url(card.credential, actor="test")
    GooglePass.objects.update(patch_due_at=None)
    before = card.state
    card.save()
    hear(client, card.google)
    assert (card.pass_state, card.state) == (PassState.VOIDED, before)
    assert card.row.patch_due_at == timezone.now()
    assert events_of(card) == []


def test_a_removal_of_what_was_revoked_changes_nothing(client: Client, card: Card) -> None:
    card.save()
    hear(client, card.google)
    lifecycle.revoke(card.credential, actor="test")
    card.remove()
    hear(client, card.google)
    assert (card.pass_state, card.state) == (PassState.VOIDED, State.REVOKED)


# --- Once, and none in the way of others ------------------------------------------------------------


def test_a_settled_message_is_never_counted_again(client: Client, card: Card) -> None:
    card.save()
    hear(client, card.google)
    message = GoogleMessage.objects.get()
    settling.look_again(message, actor="admin:root")
    tasks.settle_google.run()
    assert (card.row.saves, message.google_pass_id) == (1, card.wallet_pass.pk)


def test_a_message_that_cannot_be_settled_stops_no_other(
    client: Client,
    card: Card,
    acme: Account,
    issuer: GoogleIssuer,
    clock: time_machine.Traveller,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = claimed(acme, issuer, card.google)
    count = evidence.count_save

    def fail_for_one(held: WalletPass, google_pass: Any) -> None:
        if held.pk == card.wallet_pass.pk:
            raise RuntimeError("broken")
        count(held, google_pass)

    card.save()
    other.save()
    monkeypatch.setattr(evidence, "count_save", fail_for_one)
    hear(client, card.google)
    assert (card.pass_state, other.pass_state) == (PassState.OFFERED, PassState.INSTALLED)
    assert "could not be settled" in caplog.text
    monkeypatch.undo()
    settle_later(clock, 120)
    assert (card.pass_state, card.row.saves) == (PassState.INSTALLED, 1)


def test_a_settler_that_died_leaves_its_messages_to_another(
    client: Client, card: Card, clock: time_machine.Traveller
) -> None:
    card.save()
    deliver(client, card.google)
    assert len(settling._lease()) == 1
    settle_later(clock, 119)
    assert card.pass_state == PassState.OFFERED
    settle_later(clock, 1)
    assert card.pass_state == PassState.INSTALLED


def test_whoever_lost_the_lease_counts_nothing(
    client: Client, card: Card, clock: time_machine.Traveller
) -> None:
    card.save()
    deliver(client, card.google)
    (mine,) = settling._lease()
    settle_later(clock, 120)
    assert settling._settle(mine) is None
    assert card.row.saves == 1


def test_old_messages_are_forgotten_except_those_that_wait(
    client: Client, card: Card, clock: time_machine.Traveller
) -> None:
    card.save()
    hear(client, card.google)
    card.remove()
    deliver(client, card.google)
    tasks.tidy_up.run()
    assert GoogleMessage.objects.count() == 2
    clock.shift(timedelta(days=91))
    tasks.tidy_up.run()
    assert [message.event_type for message in GoogleMessage.objects.all()] == ["del"]

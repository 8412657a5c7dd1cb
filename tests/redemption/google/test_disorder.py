"""Messages that are lost, doubled and out of order, and workers that do everything twice and at once."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from credentials.models import Account, Event
from credentials.states import Evidence, PassState, State, Wallet
from redemption import tasks
from redemption.google import reconciler, rest, settling
from redemption.models import GoogleIssuer, GoogleMessage, GooglePass
from tests import factories
from tests.credentials.simultaneous import at_once
from tests.fakes.google import FakeGoogle
from tests.redemption.google.cards import Card, claimed, deliver, hear, reconcile_later

ORDERS = list(permutations(range(3)))


@pytest.mark.django_db
@pytest.mark.parametrize("order", ORDERS, ids=["".join(map(str, order)) for order in ORDERS])
def test_in_whatever_order_messages_come_the_pass_is_where_google_says(
    client: Client, card: Card, order: tuple[int, ...]
) -> None:
    for step in (card.save, card.remove, card.save):
        step()
    pending = card.google.callbacks.pending
    pending[:] = [pending[index] for index in order]
    while pending:
        late = pending[1:]
        del pending[1:]
        hear(client, card.google)
        pending[:] = late
    assert (card.pass_state, card.state) == (PassState.INSTALLED, State.ADDED_TO_WALLET)
    card.remove()
    hear(client, card.google)
    assert (card.pass_state, card.row.saves, card.row.removals) == (PassState.REMOVED, 2, 2)


@pytest.mark.django_db
def test_a_removal_that_comes_before_its_save_leaves_the_pass_out(client: Client, card: Card) -> None:
    card.save()
    card.remove()
    card.google.callbacks.pending.reverse()
    for _ in range(2):
        late = card.google.callbacks.pending[1:]
        del card.google.callbacks.pending[1:]
        hear(client, card.google)
        card.google.callbacks.pending[:] = late
    assert (card.pass_state, card.state) == (PassState.OFFERED, State.INVITED)
    assert (card.row.saves, card.row.removals) == (1, 1)


@pytest.mark.django_db
def test_a_removal_by_one_leaves_the_pass_to_the_others_who_have_it(
    client: Client, card: Card, clock: time_machine.Traveller
) -> None:
    class_id = card.row.google_class.class_id
    card.google.resources.classes[class_id]["multipleDevicesAndHoldersAllowedStatus"] = "MULTIPLE_HOLDERS"
    card.save(user="ada@gmail.com")
    card.save(user="bob@gmail.com")
    hear(client, card.google)
    card.remove(user="ada@gmail.com")
    hear(client, card.google)
    assert card.pass_state == PassState.INSTALLED
    card.remove(user="bob@gmail.com")
    hear(client, card.google)
    assert card.pass_state == PassState.REMOVED


@pytest.mark.django_db
def test_everything_doubled_is_done_once(client: Client, card: Card) -> None:
    for step in (card.save, card.remove, card.save):
        step()
        card.google.callbacks.double()
        deliver(client, card.google)
        for _ in range(2):
            tasks.settle_google.run()
            tasks.reconcile_google.run()
    types = Event.objects.filter(credential=card.credential).order_by("pk").values_list("type", flat=True)
    assert [name for name in types if "wallet" in name] == [
        "credential.added_to_wallet",
        "credential.removed_from_wallet",
        "credential.added_to_wallet",
    ]
    assert (card.row.saves, card.row.removals) == (2, 1)


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_count_every_message_once(
    client: Client, acme: Account, issuer: GoogleIssuer, google: FakeGoogle
) -> None:
    cards = [claimed(acme, issuer, google) for _ in range(6)]
    for each in cards:
        each.save()
    google.callbacks.double()
    assert set(deliver(client, google)) == {200}
    settled = at_once([settling.settle_due] * 4)
    assert sum(count for count in settled if isinstance(count, int)) == len(cards), settled
    assert [(each.row.saves, each.pass_state) for each in cards] == [(1, PassState.INSTALLED)] * 6
    assert Event.objects.filter(type="credential.added_to_wallet").count() == 6


@pytest.mark.django_db(transaction=True)
def test_reconcilers_side_by_side_ask_about_every_pass_once(
    acme: Account, issuer: GoogleIssuer, google: FakeGoogle
) -> None:
    cards = [claimed(acme, issuer, google) for _ in range(6)]
    for each in cards:
        each.save()
    google.callbacks.lose()
    GooglePass.objects.update(check_due_at=timezone.now())
    answered = at_once([reconciler.reconcile_due] * 3)
    assert sum(count for count in answered if isinstance(count, int)) == len(cards), answered
    assert [each.asked() for each in cards] == [1] * 6
    assert {each.pass_state for each in cards} == {PassState.INSTALLED}


@pytest.mark.django_db(transaction=True)
def test_two_wallets_that_report_at_once_leave_one_pass_installed(
    client: Client, acme: Account, issuer: GoogleIssuer, google: FakeGoogle
) -> None:
    credential = factories.credential(acme)
    cards = [claimed(acme, issuer, google, credential=credential) for _ in range(2)]
    for each in cards:
        each.save()
    deliver(client, google)
    at_once([settling.settle_due] * 2)
    assert sorted(each.pass_state for each in cards) == [PassState.INSTALLED, PassState.VOIDED]
    voided = next(each for each in cards if each.pass_state == PassState.VOIDED)
    assert voided.row.patch_due_at is not None


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_google_is_asked(
    client: Client, acme: Account, issuer: GoogleIssuer, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = claimed(acme, issuer, google)
    get_object = rest.Google.get_object
    seen: list[bool] = []

    def watched(self: rest.Google, object_id: str) -> dict[str, object]:
        seen.append(connection.in_atomic_block)
        return get_object(self, object_id)

    monkeypatch.setattr(rest.Google, "get_object", watched)
    card.save()
    hear(client, google)
    reconciler.look([card.row], issuer=issuer, by=Evidence.RECONCILED)
    assert seen == [False, False]


@pytest.mark.django_db
def test_a_month_without_messages_is_made_up_for(
    client: Client, card: Card, acme: Account, issuer: GoogleIssuer, clock: time_machine.Traveller
) -> None:
    other = claimed(acme, issuer, card.google)
    factories.wallet_pass(other.credential, wallet=Wallet.APPLE)
    card.save()
    hear(client, card.google)
    card.remove()
    other.save()
    card.google.callbacks.lose()
    clock.shift(timedelta(days=20))
    for seconds in (0, 30, 120, 600):
        reconcile_later(clock, seconds)
    assert (card.pass_state, other.pass_state) == (PassState.REMOVED, PassState.INSTALLED)
    assert GoogleMessage.objects.count() == 1

"""Messages about objects that we do not know: looked for, since they may be early, then left to an admin."""

from __future__ import annotations

import pytest
import time_machine
from django.test import Client

from credentials.models import WalletPass
from credentials.states import PassState
from redemption import tasks
from redemption.google import settling
from redemption.models import GoogleMessage
from tests.redemption.google.cards import Card, deliver, hear, post, settle_later

pytestmark = pytest.mark.django_db

Status = GoogleMessage.Status


def unknown(card: Card) -> str:
    object_id = f"{card.object_id}-gone"
    card.google.resources.objects[object_id] = card.google.resources.objects[card.object_id]
    card.google.saving.save(object_id, user="ada@gmail.com")
    return object_id


def test_an_unknown_object_is_looked_for_and_then_quarantined(
    client: Client, card: Card, clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    unknown(card)
    hear(client, card.google)
    for seconds in (5, 30):
        settle_later(clock, seconds)
        assert GoogleMessage.objects.get().status == Status.PENDING
    settle_later(clock, 300)
    message = GoogleMessage.objects.get()
    assert (message.status, message.due_at) == (Status.QUARANTINED, None)
    assert message.remark == "It names an object that was never made here."
    assert [record.levelname for record in caplog.records if "quarantined" in record.message] == ["ERROR"]


def test_an_object_that_is_committed_after_its_message_is_found(
    client: Client, card: Card, clock: time_machine.Traveller
) -> None:
    card.save()
    serial_number = card.wallet_pass.serial_number
    WalletPass.objects.update(serial_number="not-yet")
    hear(client, card.google)
    assert card.pass_state == PassState.OFFERED
    WalletPass.objects.update(serial_number=serial_number)
    settle_later(clock, 5)
    assert card.pass_state == PassState.INSTALLED


def test_an_object_of_another_issuer_is_quarantined_at_once(client: Client, card: Card) -> None:
    message = {"objectId": "3388000000099999999.object", "classId": "3388000000099999999.class"}
    card.save()
    pending = card.google.callbacks.pending[0]
    body = card.google.signer.envelope(
        {**pending.message, **message}, recipient=card.object_id.partition(".")[0]
    )
    assert post(client, body, url=card.url).status_code == 200
    tasks.settle_google.run()
    assert GoogleMessage.objects.get().status == Status.QUARANTINED
    assert GoogleMessage.objects.get().remark == "It names an object of another issuer."


def test_a_quarantined_message_can_be_looked_at_again(client: Client, card: Card) -> None:
    card.save()
    deliver(client, card.google)
    GoogleMessage.objects.update(status=Status.QUARANTINED, due_at=None, attempts=4, remark="gone")
    tasks.settle_google.run()
    assert card.pass_state == PassState.OFFERED
    settling.look_again(GoogleMessage.objects.get(), actor="admin:root")
    tasks.settle_google.run()
    assert card.pass_state == PassState.INSTALLED
    assert GoogleMessage.objects.get().remark == ""

"""A later state is never overwritten by an earlier one, and what is urgent goes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction

from credentials import designs, lifecycle
from credentials.models import Account, Credential
from redemption import claims, tasks
from redemption.google import patches
from redemption.google.errors import Rejected
from redemption.google.rest import Google
from redemption.models import GoogleIssuer, GooglePass
from tests import factories
from tests.credentials.simultaneous import at_once
from tests.fakes.google import FakeGoogle, Fault
from tests.redemption.google.claimed_cards import claim, owed, patched, shown

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(issuer: GoogleIssuer) -> Iterator[time_machine.Traveller]:
    """It is noon, until the test moves it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def credential(acme: Account, google: FakeGoogle) -> Credential:
    """Its card is at Google."""
    return claim(acme)


def test_the_newest_change_goes_first(
    acme: Account, google: FakeGoogle, clock: time_machine.Traveller
) -> None:
    """A revocation does not wait until all cards have their new colour."""
    kind = factories.credential_type(acme)
    issued = [factories.credential_and_url(acme, credential_type=kind) for _ in range(3)]
    for _, url in issued:
        claims.claim_google(factories.url_token(url))
    designs.update_credential_type(kind, background_color="#abcdef", actor="test")
    tasks.refresh_passes.run()
    clock.shift(timedelta(minutes=1))
    lifecycle.revoke(issued[0][0], actor="test")
    before = len(google.asked("rest"))
    patches.send_due()
    asked = [one.path.rpartition("/")[2] for one in google.asked("rest")[before:]]
    revoked = GooglePass.objects.get(wallet_pass__credential=issued[0][0])
    assert asked[1] == revoked.object_id


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Has something done while a request is on its way."""
    send, acts = patches.PASSES.send, [act]

    def send_and_act(google_pass: GooglePass, client: Google) -> None:
        send(google_pass, client)
        if acts:
            acts.pop()()

    monkeypatch.setattr(patches, "PASSES", replace(patches.PASSES, send=send_and_act))


def test_a_change_during_a_request_is_sent_after_it(
    google: FakeGoogle, credential: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    lifecycle.suspend(credential, actor="test")
    others: list[int] = []

    def revoke_and_look() -> None:
        lifecycle.revoke(Credential.objects.get(), actor="test")
        # Nobody else sends while the first request is on its way: it could arrive last.
        others.append(patches.send_due())

    meanwhile(monkeypatch, revoke_and_look)
    assert patches.send_due() == 2
    assert others == [0]
    assert shown(google, credential).resource["state"] == "EXPIRED"


def test_a_change_during_a_request_that_fails_is_sent_at_once(
    google: FakeGoogle, credential: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    lifecycle.suspend(credential, actor="test")

    def revoke_and_fail() -> None:
        lifecycle.revoke(Credential.objects.get(), actor="test")
        raise Rejected("no")

    meanwhile(monkeypatch, revoke_and_fail)
    assert patches.send_due() == 1
    assert shown(google, credential).resource["state"] == "EXPIRED"


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.LOSE])
def test_a_request_without_an_answer_is_not_followed_by_another_for_a_minute(
    google: FakeGoogle, credential: Credential, clock: time_machine.Traveller, fault: Fault
) -> None:
    """It may still arrive, and must not be the last word."""
    lifecycle.suspend(credential, actor="test")
    google.script("rest", [fault])
    assert patches.send_due() == 0
    lifecycle.revoke(Credential.objects.get(), actor="test")
    clock.shift(timedelta(seconds=59))
    assert patches.send_due() == 0
    clock.shift(timedelta(seconds=1))
    assert patches.send_due() == 1
    assert shown(google, credential).resource["state"] == "EXPIRED"


def test_a_sender_that_died_leaves_its_work_to_others(
    google: FakeGoogle, credential: Credential, clock: time_machine.Traveller
) -> None:
    lifecycle.revoke(credential, actor="test")
    assert patches._lease(patches.PASSES, besides=()) is not None
    assert patches.send_due() == 0
    clock.shift(patches.LEASE)
    assert patches.send_due() == 1


def test_what_was_undone_is_not_sent(google: FakeGoogle, credential: Credential) -> None:
    before = patched(google)
    with transaction.atomic():
        lifecycle.revoke(credential, actor="test")
        transaction.set_rollback(True)
    assert (patches.send_due(), patched(google)) == (0, before)


@pytest.mark.django_db(transaction=True)
def test_senders_share_the_work_and_never_meet(acme: Account, google: FakeGoogle) -> None:
    for credential in [claim(acme) for _ in range(4)]:
        lifecycle.revoke(credential, actor="test")
    before = patched(google)
    sent = at_once([patches.send_due] * 3)
    assert (sum(count for count in sent if isinstance(count, int)), owed(), patched(google)) == (
        4,
        0,
        before + 4,
    )

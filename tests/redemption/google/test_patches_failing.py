"""What Google does not take is tried again until it does, and keeps nobody else waiting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from credentials import lifecycle, people
from credentials.models import Account, Credential, CredentialType, Event
from redemption.google import patches
from redemption.models import GoogleClass, GoogleIssuer, GooglePass
from tests import factories
from tests.fakes.google import FakeGoogle
from tests.fakes.google_wire import Answer, Refused
from tests.redemption.google.claimed_cards import claim, owed, row, shown

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


def due_in(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("failure", "delays"),
    [
        (Answer(503, "Service Unavailable"), [5, 10, 20]),
        (Answer(500, "oops"), [5, 10, 20]),
        (Refused(429, "Quota exceeded.", reason="rateLimitExceeded").answer, [5, 10, 20]),
        (Refused(403, "Permission denied.", reason="permissionDenied").answer, [60, 120, 240]),
        (Refused(400, "Invalid value.", reason="invalidResource").answer, [900, 1800, 3600]),
    ],
    ids=["unavailable", "broken", "over quota", "not invited", "rejected"],
)
def test_what_failed_is_tried_again_ever_later(
    google: FakeGoogle,
    credential: Credential,
    clock: time_machine.Traveller,
    failure: Answer,
    delays: list[int],
) -> None:
    lifecycle.revoke(credential, actor="test")
    google.always(failure, "rest")
    for delay in delays:
        assert patches.send_due() == 0
        waiting = row()
        assert (waiting.patch_due_at, bool(waiting.patch_error)) == (due_in(delay), True)
        assert patches.send_due() == 0
        assert row() == waiting
        clock.shift(timedelta(seconds=delay))
    google.recover()
    assert patches.send_due() == 1
    assert (row().patch_due_at, row().patch_error) == (None, "")
    assert shown(google, credential).codes == {}


def test_no_delay_is_longer_than_an_hour_while_google_is_away(
    google: FakeGoogle, credential: Credential
) -> None:
    lifecycle.revoke(credential, actor="test")
    google.go_down()
    GooglePass.objects.update(patch_attempts=40)
    patches.send_due()
    assert row().patch_due_at == due_in(3600)


def test_google_says_when_to_come_again(google: FakeGoogle, credential: Credential) -> None:
    lifecycle.revoke(credential, actor="test")
    refused = Refused(429, "Quota exceeded.", reason="rateLimitExceeded").answer
    google.script("rest", [Answer(429, refused.content, {"Retry-After": "77"})])
    patches.send_due()
    assert row().patch_due_at == due_in(77)


def test_a_google_that_is_away_is_asked_once_a_run(acme: Account, google: FakeGoogle) -> None:
    issued = [claim(acme) for _ in range(3)]
    for credential in issued:
        lifecycle.revoke(credential, actor="test")
    before = len(google.asked("rest"))
    google.always(Answer(503, "Service Unavailable"), "rest")
    patches.send_due()
    assert len(google.asked("rest")) == before + 1
    google.recover()
    assert patches.send_due() == 2
    assert owed() == 1


def test_one_card_that_google_rejects_keeps_no_other_waiting(
    acme: Account, google: FakeGoogle, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = claim(acme), claim(acme)
    CredentialType.objects.filter(pk=bad.credential_type_id).update(background_color="red")
    for credential in (good, bad):
        lifecycle.revoke(credential, actor="test")
    assert patches.send_due() == 1
    assert shown(google, good).codes == {}
    stuck = GooglePass.objects.get(patch_due_at__isnull=False)
    assert "Invalid color: red" in stuck.patch_error
    assert "Invalid color: red" in caplog.text


def test_one_issuer_that_is_refused_keeps_no_other_waiting(
    acme: Account, globex: Account, google: FakeGoogle
) -> None:
    ours = claim(acme)
    lifecycle.revoke(ours, actor="test")
    # Nobody hears what this one says.
    silent = factories.google_issuer(globex)
    for _ in range(2):
        GoogleClass.objects.create(
            issuer=silent, credential_type=factories.credential_type(globex), patch_due_at=NOON
        )
    assert patches.send_due() == 1
    assert sorted(GoogleClass.objects.filter(issuer=silent).values_list("patch_attempts", flat=True)) == [
        0,
        1,
    ]
    assert shown(google, ours).codes == {}


def test_an_issuer_that_is_not_let_in_is_told_of_once(
    google: FakeGoogle, credential: Credential, issuer: GoogleIssuer, clock: time_machine.Traveller
) -> None:
    google.resources.invited.clear()
    lifecycle.revoke(credential, actor="test")
    for _ in range(3):
        patches.send_due()
        clock.shift(timedelta(hours=1))
    issuer.refresh_from_db()
    assert issuer.service_account_email in issuer.refusal
    assert Event.objects.filter(type="google_issuer.refused").count() == 1
    google.resources.invited[issuer.issuer_id] = {issuer.service_account_email}
    patches.send_due()
    issuer.refresh_from_db()
    assert (issuer.refused_at, owed()) == (None, 0)


def test_google_away_for_hours_loses_nothing(
    acme: Account, google: FakeGoogle, clock: time_machine.Traveller
) -> None:
    issued = [claim(acme) for _ in range(3)]
    google.go_down()
    lifecycle.revoke(issued[0], actor="test")
    lifecycle.suspend(issued[1], actor="test")
    people.update_person(issued[2].person, last_name="King", actor="test")
    for _ in range(30):
        patches.send_due()
        clock.shift(timedelta(minutes=10))
    lifecycle.revoke(issued[1], actor="test")
    google.recover()
    for _ in range(3):
        patches.send_due()
        clock.shift(timedelta(hours=1))
    states = [shown(google, credential).resource["state"] for credential in issued]
    assert (states, owed()) == (["EXPIRED", "EXPIRED", "ACTIVE"], 0)
    assert "Ada King" in shown(google, issued[2]).words()

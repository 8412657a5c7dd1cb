"""Mails about endpoints: plain, once each, and without anything secret."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from pytest_django import Settings

from credentials import owed_mail
from credentials.models import Account
from webhooks import breaker, endpoints, notices
from webhooks.health import Noted, note
from webhooks.models import Endpoint, Notice
from webhooks.outcomes import Outcome
from webhooks.tasks import send_notices

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
URL = "https://hooks.example:8443/in/s3cr3t?token=hush"


class FailingServer(BaseEmailBackend):
    """A mail server that takes the mail and then breaks the connection."""

    asked: ClassVar[list[EmailMessage]] = []

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self.asked.extend(email_messages)
        raise smtplib.SMTPServerDisconnected("the mail was: …")


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """It is noon."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def endpoint(acme: Account) -> Endpoint:
    """An endpoint whose URL holds a secret, of an account that has a contact."""
    acme.contact_email = "ops@acme.example"
    acme.save()
    return endpoints.create_endpoint(acme, url=URL, actor="test")[0]


def fail(endpoint: Endpoint, *, after: timedelta, outcome: Outcome = Outcome.FAILED) -> None:
    """It fails ten times at noon, and once more later."""
    first = [Noted(NOON, Outcome.FAILED, 500, URL)] * 10
    note({endpoint.pk: first}, failing=[], now=NOON)
    note({endpoint.pk: [Noted(NOON + after, outcome, 503, URL)]}, failing=[endpoint.pk], now=NOON + after)


def text_of(message: EmailMessage) -> str:
    """All that a reader sees of a mail."""
    return f"{message.subject}\n{message.body}"


def test_a_day_of_failure_is_told_once(endpoint: Endpoint, clock: time_machine.Traveller) -> None:
    fail(endpoint, after=DAY - timedelta(seconds=1))
    assert notices.send_due() == 0
    for hours in (24, 25, 48):
        clock.move_to(NOON + timedelta(hours=hours))
        now = NOON + timedelta(hours=hours)
        note({endpoint.pk: [Noted(now, Outcome.TIMED_OUT, None, URL)]}, failing=[endpoint.pk], now=now)
    assert notices.send_due() == 1
    assert notices.send_due() == 0
    [message] = mail.outbox
    assert message.to == ["ops@acme.example"]
    assert message.subject == "Webhooks to hooks.example:8443 have been failing for a day"
    text = text_of(message)
    assert "1 June 2026, 12:00 (UTC)" in text
    assert "The last failure: No complete answer in time." in text
    assert f"/api/v3/webhook_endpoints/{endpoint.public_id}/test" in text
    assert "After five days without a success the endpoint is disabled." in text


def test_giving_up_is_told_with_the_way_back(endpoint: Endpoint, clock: time_machine.Traveller) -> None:
    fail(endpoint, after=5 * DAY)
    clock.move_to(NOON + 5 * DAY)
    # What said that it was still tried is no longer so.
    assert notices.send_due() == 1
    [message] = mail.outbox
    assert message.subject == "Webhooks to hooks.example:8443 have been switched off"
    text = text_of(message)
    assert "Acme Gym" in text
    assert "since 1 June 2026, 12:00 (UTC), and for five days" in text
    assert "The last failure: Answered, but not with 2xx (status 503)." in text
    assert '{"enabled": true}' in text
    assert '/replay\n   {"since": "2026-06-01T12:00:00.000Z"}' in text


@pytest.mark.parametrize("after", [DAY, 5 * DAY])
def test_a_key_that_cannot_be_read_is_told_in_its_own_words(
    endpoint: Endpoint, clock: time_machine.Traveller, after: timedelta
) -> None:
    fail(endpoint, after=after, outcome=Outcome.UNSIGNED)
    clock.move_to(NOON + after)
    assert notices.send_due() == 1
    text = text_of(mail.outbox[0])
    assert "The last failure: Not sent: no signing secret could be read" in text
    assert "The receiver is not at fault" in text
    assert f"/api/v3/webhook_endpoints/{endpoint.public_id}/rotate_secret" in text
    assert "When the receiver works again" not in text


def test_410_is_told(endpoint: Endpoint) -> None:
    note({endpoint.pk: [Noted(NOON, Outcome.GONE, 410, URL)]}, failing=[], now=NOON)
    assert notices.send_due() == 1
    text = text_of(mail.outbox[0])
    assert "It answered 410 Gone" in text
    assert "five days" not in text


def test_410_is_told_though_another_attempt_arrived(endpoint: Endpoint) -> None:
    noted = [Noted(NOON, Outcome.GONE, 410, URL), Noted(NOON, Outcome.SUCCEEDED, 204, URL)]
    note({endpoint.pk: noted}, failing=[], now=NOON)
    assert notices.send_due() == 1
    assert '/replay\n   {"since": "2026-06-01T12:00:00.000Z"}' in text_of(mail.outbox[0])


@pytest.mark.parametrize("after", [DAY, 5 * DAY])
def test_no_mail_holds_more_of_the_url_than_its_host(
    endpoint: Endpoint, clock: time_machine.Traveller, after: timedelta
) -> None:
    fail(endpoint, after=after)
    clock.move_to(NOON + after)
    assert notices.send_due() == 1
    text = text_of(mail.outbox[0])
    assert "s3cr3t" not in text
    assert "hush" not in text


def test_disabling_by_hand_needs_no_mail(endpoint: Endpoint) -> None:
    endpoints.disable_endpoint(endpoint, actor="test")
    assert not Notice.objects.exists()


def test_an_account_without_a_contact_reads_its_events(endpoint: Endpoint, acme: Account) -> None:
    Account.objects.update(contact_email="")
    fail(endpoint, after=5 * DAY)
    assert not Notice.objects.exists()
    assert acme.events.filter(type="webhook_endpoint.disabled").exists()


def test_a_contact_that_has_gone_is_not_written_to(endpoint: Endpoint) -> None:
    note({endpoint.pk: [Noted(NOON, Outcome.GONE, 410, URL)]}, failing=[], now=NOON)
    Account.objects.update(contact_email="")
    assert notices.send_due() == 0
    assert Notice.objects.get().last_error == "The account has no contact."


def test_what_is_over_is_not_told(endpoint: Endpoint, clock: time_machine.Traveller) -> None:
    fail(endpoint, after=DAY)
    now = NOON + DAY + breaker.LONGEST_PAUSE
    clock.move_to(now)
    note({endpoint.pk: [Noted(now, Outcome.SUCCEEDED, 204, URL)]}, failing=[endpoint.pk], now=now)
    assert notices.send_due() == 0
    assert Notice.objects.get().last_error == "The endpoint is not failing any more, or disabled."


def test_nobody_is_told_of_a_deleted_endpoint(endpoint: Endpoint) -> None:
    note({endpoint.pk: [Noted(NOON, Outcome.GONE, 410, URL)]}, failing=[], now=NOON)
    endpoints.delete_endpoint(endpoint, actor="test")
    assert notices.send_due() == 0
    assert mail.outbox == []


def test_the_next_failure_is_told_anew(endpoint: Endpoint, clock: time_machine.Traveller) -> None:
    for days in (0, 1):
        now = NOON + days * DAY
        clock.move_to(now)
        note({endpoint.pk: [Noted(now, Outcome.GONE, 410, URL)]}, failing=[], now=now)
        endpoints.enable_endpoint(endpoint, actor="test")
    assert notices.send_due() == 2


def test_a_server_that_breaks_off_gets_the_same_mail_later(
    endpoint: Endpoint, clock: time_machine.Traveller, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = f"{__name__}.{FailingServer.__name__}"
    FailingServer.asked.clear()
    note({endpoint.pk: [Noted(NOON, Outcome.GONE, 410, URL)]}, failing=[], now=NOON)
    assert [notices.send_due() for _ in range(2)] == [0, 0]
    assert "the mail was" not in caplog.text
    settings.EMAIL_BACKEND = working
    clock.shift(owed_mail.FIRST_DELAY)
    send_notices.run()
    [first], [second] = FailingServer.asked, mail.outbox
    assert first.message()["Message-ID"] == second.message()["Message-ID"]
    assert endpoint.public_id in str(first.message()["Message-ID"])
    assert Notice.objects.get().sent_at is not None

"""Invitations: a link by mail that works, minted as it is sent; and some patience with mail servers."""

from __future__ import annotations

import html
import re
import smtplib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client
from pytest_django import Settings

from credentials import invitations, issuing, lifecycle, owed_mail, people
from credentials.errors import IllegalMove, Invalid
from credentials.models import Account, Credential, Event, Invitation, RedemptionUrl
from credentials.tasks import send_invitations
from tests import factories
from tests.redemption.standings import every_row

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
URL = re.compile(r"https?://\S+/passes/([0-9a-z]{26})")


class FailingServer(BaseEmailBackend):
    """A mail server that refuses what it is given, one way or another."""

    error: ClassVar[Exception] = smtplib.SMTPServerDisconnected()
    asked: ClassVar[list[EmailMessage]] = []

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self.asked.extend(email_messages)
        raise self.error


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """It is noon."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def failing(settings: Settings) -> type[FailingServer]:
    FailingServer.asked.clear()
    FailingServer.error = smtplib.SMTPServerDisconnected()
    settings.EMAIL_BACKEND = f"{__name__}.{FailingServer.__name__}"
    return FailingServer


@pytest.fixture
def credential(acme: Account) -> Credential:
    person = factories.person(acme, first_name="Ada", email="ada@example.org")
    kind = factories.credential_type(acme, label="Gold & Silver")
    return factories.credential(acme, holder=person, credential_type=kind)


def invite(credential: Credential) -> Invitation:
    return invitations.invite(credential, actor="api_key:1")


def bodies(message: EmailMessage) -> tuple[str, str]:
    """The text and the HTML of a mail."""
    assert isinstance(message, EmailMultiAlternatives)
    ((page, mimetype),) = message.alternatives
    assert mimetype == "text/html"
    return str(message.body), str(page)


def token_in(message: EmailMessage) -> str:
    """The bearer secret of the link in a mail."""
    return str(URL.findall(str(message.body))[0])


def test_the_mail_carries_a_link_that_works(client: Client, credential: Credential) -> None:
    invite(credential)
    assert invitations.send_due() == 1
    (message,) = mail.outbox
    assert message.to == ["ada@example.org"]
    assert message.subject == "Your Gold & Silver from Acme Gym"
    text, page = bodies(message)
    tokens = {
        match[1] for body in (text, html.unescape(page)) for match in URL.finditer(body.replace('"', " "))
    }
    (token,) = tokens
    assert client.get(f"/passes/{token}").status_code == 200
    assert "Hello Ada" in text
    assert "Acme Gym has issued you a pass: Gold & Silver" in text
    assert "Gold &amp; Silver" in page


def test_a_name_cannot_smuggle_markup_into_a_mail(credential: Credential) -> None:
    people.update_person(credential.person, first_name="<a href=x>", actor="test")
    invite(credential)
    invitations.send_due()
    assert "<a href=x>" not in bodies(mail.outbox[0])[1]


def test_the_link_is_minted_when_the_mail_is_sent_and_no_sooner(credential: Credential) -> None:
    invite(credential)
    assert RedemptionUrl.objects.count() == 1
    invitations.send_due()
    former, current = RedemptionUrl.objects.order_by("id")
    assert former.replaced_at == NOON
    assert current.replaced_at is None
    events = Event.objects.order_by("-id")[:2]
    assert [(event.type, event.actor) for event in events] == [
        ("credential.mail_sent", "api_key:1"),
        ("credential.url_issued", "api_key:1"),
    ]
    token = token_in(mail.outbox[0])
    assert token not in repr(every_row())


@pytest.mark.parametrize("lifetime", [None, timedelta(hours=48)])
def test_the_mail_says_until_when_the_link_works(credential: Credential, lifetime: timedelta | None) -> None:
    Account.objects.update(url_lifetime=lifetime)
    invite(credential)
    invitations.send_due()
    for body in bodies(mail.outbox[0]):
        assert ("works until June 3, 2026, noon" in body) == (lifetime is not None)


def test_what_was_sent_is_not_sent_again(credential: Credential, clock: time_machine.Traveller) -> None:
    invitation = invite(credential)
    assert [invitations.send_due() for _ in range(2)] == [1, 0]
    clock.shift(timedelta(days=1))
    assert invitations.send_due() == 0
    invitation.refresh_from_db()
    assert (invitation.sent_at, invitation.attempts, invitation.last_error) == (NOON, 1, "")


def test_the_worker_sends_all_that_is_owed(acme: Account) -> None:
    for _ in range(3):
        invite(factories.credential(acme))
    send_invitations.run()
    assert len(mail.outbox) == 3
    assert len({message.to[0] for message in mail.outbox}) == 3


def test_asking_twice_sends_two_mails_of_which_the_last_works(client: Client, credential: Credential) -> None:
    invite(credential)
    invite(credential)
    assert invitations.send_due() == 2
    first, second = (token_in(message) for message in mail.outbox)
    assert client.get(f"/passes/{first}").status_code == 410
    assert client.get(f"/passes/{second}").status_code == 200


def test_without_an_address_nothing_is_promised(acme: Account) -> None:
    credential = factories.credential(acme, holder=factories.person(acme, email=""))
    with pytest.raises(Invalid) as refused:
        invite(credential)
    assert refused.value.field == "email"
    assert not Invitation.objects.exists()


def test_what_has_ended_is_not_mailed(credential: Credential, clock: time_machine.Traveller) -> None:
    issuing.set_expiry(credential, expires_at=NOON + timedelta(hours=1), actor="test")
    credential.refresh_from_db()
    clock.shift(timedelta(hours=1))
    with pytest.raises(IllegalMove):
        invite(credential)
    with pytest.raises(IllegalMove):
        invite(lifecycle.revoke(credential, actor="test"))
    assert not Invitation.objects.exists()


def test_what_ended_in_between_is_given_up(credential: Credential) -> None:
    invitation = invite(credential)
    people.delete_person(credential.person, actor="test")
    assert invitations.send_due() == 0
    invitation.refresh_from_db()
    assert invitation.failed_at == NOON
    assert invitation.last_error
    assert mail.outbox == []


def test_an_address_that_went_away_ends_the_promise_and_leaves_the_url_alone(credential: Credential) -> None:
    invitation = invite(credential)
    people.update_person(credential.person, email="", actor="test")
    assert invitations.send_due() == 0
    invitation.refresh_from_db()
    assert (invitation.failed_at, invitation.sent_at) == (NOON, None)
    assert invitation.last_error == "The person has no e-mail address."
    assert RedemptionUrl.objects.get().replaced_at is None


def test_the_newest_address_counts(credential: Credential) -> None:
    invite(credential)
    people.update_person(credential.person, email="king@example.org", actor="test")
    invitations.send_due()
    assert mail.outbox[0].to == ["king@example.org"]


@pytest.mark.parametrize(
    "error", [smtplib.SMTPServerDisconnected(), RuntimeError("a fault of ours")], ids=["the server", "us"]
)
def test_what_fails_is_tried_again_ever_later_and_at_last_no_more(
    credential: Credential, clock: time_machine.Traveller, failing: type[FailingServer], error: Exception
) -> None:
    failing.error = error
    invitation = invite(credential)
    minutes = []
    for attempt in range(1, owed_mail.MOST_ATTEMPTS + 1):
        assert [invitations.send_due() for _ in range(2)] == [0, 0]
        invitation.refresh_from_db()
        assert (invitation.attempts, len(failing.asked)) == (attempt, attempt)
        wait = invitation.due_at - datetime.now(UTC)
        minutes.append(wait / timedelta(minutes=1))
        clock.shift(wait)
    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128]
    assert invitation.failed_at is not None
    assert invitations.send_due() == 0
    assert len(failing.asked) == owed_mail.MOST_ATTEMPTS


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPRecipientsRefused({}),
        smtplib.SMTPDataError(450, b"no: https://passes.example/passes/0123456789abcdefghjkmnpqrs"),
        ConnectionRefusedError(111, "Connection refused"),
        TimeoutError(),
        RuntimeError("no: https://passes.example/passes/0123456789abcdefghjkmnpqrs"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_failure_is_noted_by_its_kind_and_holds_up_nobody(
    acme: Account,
    credential: Credential,
    failing: type[FailingServer],
    error: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing.error = error
    invite(credential)
    invite(factories.credential(acme))
    assert invitations.send_due() == 0
    assert len(failing.asked) == 2
    for invitation in Invitation.objects.all():
        assert invitation.failed_at is None
        assert invitation.last_error.split()[0] == type(error).__name__
    assert "0123456789abcdefghjkmnpqrs" not in caplog.text


@pytest.mark.parametrize(
    "error",
    [ValueError("a header with a line end"), UnicodeEncodeError("ascii", "ü", 0, 1, "no")],
    ids=lambda error: type(error).__name__,
)
def test_what_cannot_be_written_is_not_tried_again(
    credential: Credential, failing: type[FailingServer], error: Exception
) -> None:
    failing.error = error
    invitation = invite(credential)
    assert invitations.send_due() == 0
    invitation.refresh_from_db()
    assert (invitation.failed_at, invitation.attempts) == (NOON, 1)
    assert invitation.last_error == f"This mail cannot be written ({type(error).__name__})."


def test_after_a_failure_the_next_mail_carries_a_link_that_works(
    client: Client,
    credential: Credential,
    clock: time_machine.Traveller,
    failing: type[FailingServer],
    settings: Settings,
) -> None:
    invitation = invite(credential)
    invitations.send_due()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    clock.shift(owed_mail.FIRST_DELAY)
    assert invitations.send_due() == 1
    invitation.refresh_from_db()
    assert (invitation.attempts, invitation.last_error) == (2, "")
    assert client.get(f"/passes/{token_in(mail.outbox[0])}").status_code == 200


def test_a_further_attempt_leaves_alone_what_somebody_else_has_minted(
    client: Client, credential: Credential, clock: time_machine.Traveller, failing: type[FailingServer]
) -> None:
    invitation = invite(credential)
    invitations.send_due()
    _, url = issuing.renew_url(credential, actor="admin:bob")
    clock.shift(owed_mail.FIRST_DELAY)
    assert invitations.send_due() == 0
    assert len(failing.asked) == 1
    invitation.refresh_from_db()
    assert (invitation.failed_at, invitation.sent_at) == (datetime.now(UTC), None)
    assert invitation.last_error == "While this mail could not be sent, another redemption URL was issued."
    assert client.get(f"/passes/{factories.url_token(url)}").status_code == 200


def test_the_first_attempt_sends_the_mail_whatever_was_minted_since(
    client: Client, credential: Credential
) -> None:
    invite(credential)
    issuing.renew_url(credential, actor="admin:bob")
    assert invitations.send_due() == 1
    assert client.get(f"/passes/{token_in(mail.outbox[0])}").status_code == 200


def test_a_worker_that_died_leaves_the_mail_due_again(
    credential: Credential, clock: time_machine.Traveller, failing: type[FailingServer], settings: Settings
) -> None:
    failing.error = SystemExit()  # type: ignore[assignment]
    invite(credential)
    with pytest.raises(SystemExit):
        invitations.send_due()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert invitations.send_due() == 0
    clock.shift(owed_mail.LEASE)
    assert invitations.send_due() == 1

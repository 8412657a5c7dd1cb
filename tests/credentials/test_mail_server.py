"""Invitations at a real mail server: taken, refused for now, refused for good, and gone in the middle."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from credentials import invitations, issuing, owed_mail
from credentials.models import Account, Credential, Event, Invitation
from tests import factories
from tests.credentials.simultaneous import at_once
from tests.fakes.smtp import FakeSmtp

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def server(settings: Settings) -> Iterator[FakeSmtp]:
    """The mail server that this test's mails go to."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 10
    with FakeSmtp() as fake:
        settings.EMAIL_PORT = fake.port
        yield fake


@pytest.fixture
def credential(acme: Account) -> Credential:
    return factories.credential(acme, holder=factories.person(acme, email="ada@example.org"))


def invited(credential: Credential) -> Invitation:
    return invitations.invite(credential, actor="api_key:1")


def kept(invitation: Invitation) -> tuple[bool, bool, str]:
    """Whether it was sent, whether it was given up, and what is said about it."""
    invitation.refresh_from_db()
    return invitation.sent_at is not None, invitation.failed_at is not None, invitation.last_error


def recorded() -> list[tuple[str, str | None]]:
    """The events of mails, with their reasons."""
    mails = Event.objects.filter(type__startswith="credential.mail_")
    return [(event.type, event.data.get("reason")) for event in mails]


def test_a_mail_arrives_and_is_on_record(client: Client, credential: Credential, server: FakeSmtp) -> None:
    invitation = invited(credential)
    assert invitations.send_due() == 1
    (mail,) = server.mails
    assert server.recipients == ["ada@example.org"]
    text = mail.get_body(("plain",))
    assert text is not None
    (url,) = (line for line in text.get_content().splitlines() if "/passes/" in line)
    assert client.get(f"/passes/{factories.url_token(url)}").status_code == 200
    assert kept(invitation) == (True, False, "")
    assert recorded() == [("credential.mail_sent", None)]
    assert Event.objects.latest("id").sequence == Credential.objects.get().sequence


@pytest.mark.parametrize("step", ["answer_to_recipient", "answer_to_mail"])
def test_a_server_that_is_busy_is_asked_again(
    credential: Credential, server: FakeSmtp, step: str, clock: time_machine.Traveller
) -> None:
    setattr(server, step, "451 try again later")
    invitation = invited(credential)
    assert invitations.send_due() == 0
    sent, failed, error = kept(invitation)
    assert (sent, failed) == (False, False)
    assert error.endswith(" 451")
    assert recorded() == []
    setattr(server, step, "250 OK")
    clock.shift(owed_mail.FIRST_DELAY)
    assert invitations.send_due() == 1
    assert len(server.mails) == 1
    assert recorded() == [("credential.mail_sent", None)]


@pytest.mark.parametrize(
    ("step", "answer", "reason"),
    [
        ("answer_to_recipient", "550 nobody of that name", "The mail server refuses this address (550)."),
        ("answer_to_mail", "554 we take this for spam", "The mail server refuses this mail (554)."),
    ],
)
def test_what_the_server_refuses_for_good_is_not_tried_again(
    credential: Credential,
    server: FakeSmtp,
    clock: time_machine.Traveller,
    step: str,
    answer: str,
    reason: str,
) -> None:
    setattr(server, step, answer)
    invitation = invited(credential)
    assert invitations.send_due() == 0
    assert kept(invitation) == (False, True, reason)
    assert recorded() == [("credential.mail_failed", reason)]
    setattr(server, step, "250 OK")
    clock.shift(owed_mail.LEASE)
    assert invitations.send_due() == 0
    assert server.mails == []


def test_a_server_that_is_away_is_asked_again_and_leaves_the_link_alone(
    client: Client,
    credential: Credential,
    server: FakeSmtp,
    settings: Settings,
    clock: time_machine.Traveller,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        settings.EMAIL_PORT = free.getsockname()[1]
    _, url = issuing.renew_url(credential, actor="test")
    invitation = invited(credential)
    for attempt in range(owed_mail.MOST_ATTEMPTS - 1):
        assert invitations.send_due() == 0
        assert kept(invitation) == (False, False, "ConnectionRefusedError")
        clock.shift(owed_mail.FIRST_DELAY * 2**attempt)
    assert client.get(f"/passes/{factories.url_token(url)}").status_code == 200
    assert Event.objects.filter(type="credential.url_issued").count() == 1
    settings.EMAIL_PORT = server.port
    assert invitations.send_due() == 1


@pytest.mark.parametrize("answer", ["451 come back later", "550 nobody of that name"])
def test_a_server_that_refuses_the_address_leaves_the_link_alone(
    client: Client, credential: Credential, server: FakeSmtp, answer: str
) -> None:
    server.answer_to_recipient = answer
    _, url = issuing.renew_url(credential, actor="test")
    invited(credential)
    assert invitations.send_due() == 0
    assert client.get(f"/passes/{factories.url_token(url)}").status_code == 200


def test_a_server_that_wants_another_sender_leaves_the_link_alone(
    client: Client, credential: Credential, server: FakeSmtp
) -> None:
    server.answer_to_sender = "550 not from you"
    _, url = issuing.renew_url(credential, actor="test")
    invitation = invited(credential)
    assert invitations.send_due() == 0
    assert kept(invitation) == (False, False, "SMTPSenderRefused 550")
    assert client.get(f"/passes/{factories.url_token(url)}").status_code == 200


def test_a_server_that_dies_in_the_middle_gets_the_mail_again_with_a_link_that_works(
    client: Client, credential: Credential, server: FakeSmtp, clock: time_machine.Traveller
) -> None:
    server.dies = True
    invitation = invited(credential)
    assert invitations.send_due() == 0
    assert kept(invitation) == (False, False, "SMTPServerDisconnected")
    server.dies = False
    clock.shift(owed_mail.FIRST_DELAY)
    assert invitations.send_due() == 1
    assert len(server.mails) == 1
    assert credential.urls.filter(replaced_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_a_mail_once(acme: Account, server: FakeSmtp) -> None:
    for _ in range(4):
        invited(factories.credential(acme))
    sent = at_once([invitations.send_due, invitations.send_due])
    assert sum(int(str(count)) for count in sent) == 4
    assert len(server.mails) == 4
    assert len(set(server.recipients)) == 4
    assert set(Invitation.objects.values_list("attempts", flat=True)) == {1}

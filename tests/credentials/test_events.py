"""Events: written in the transaction of their change, passed on in it, and announced after it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from credentials import doorbell, issuing, lifecycle
from credentials.event_types import PUBLIC_EVENT_TYPES, EventType
from credentials.events import record
from credentials.models import Account, Event
from credentials.states import Evidence
from tests import factories

CONSUMERS = ["tests.first_consumer", "tests.second_consumer"]

recorded: list[tuple[list[str], bool, bool]] = []


def note(events: Sequence[Event]) -> None:
    """A recorder: which events it was given, whether in a transaction, and whether they are stored."""
    stored = Event.objects.filter(pk__in=[event.pk for event in events]).count() == len(events)
    recorded.append(([event.type for event in events], connection.in_atomic_block, stored))


def refuse(events: Sequence[Event]) -> None:
    """A recorder that cannot keep what it must."""
    raise RuntimeError


@pytest.fixture(autouse=True)
def wiring(settings: Settings) -> None:
    """A recorder and two consumers of this file's own, in the embedded process."""
    recorded.clear()
    settings.EMBEDDED = True
    settings.EVENT_RECORDERS = [f"{__name__}.note"]
    settings.EVENT_CONSUMERS = CONSUMERS
    rung()


def rung() -> list[str]:
    """Which consumers were rung for since somebody asked."""
    return [name for name in CONSUMERS if doorbell.wait(name, timeout=0)]


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_an_event_is_refused(acme: Account) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        record(EventType.PERSON_CREATED, account=acme, actor="test", now=timezone.now())
    assert not Event.objects.exists()
    assert recorded == []


@pytest.mark.django_db(transaction=True)
def test_recorders_are_called_inside_the_transaction_once_per_event(acme: Account) -> None:
    credential = factories.credential(acme)
    lifecycle.suspend(credential, actor="test")
    assert recorded == [(["credential.created"], True, True), (["credential.suspended"], True, True)]


@pytest.mark.django_db(transaction=True)
def test_what_a_recorder_cannot_keep_does_not_happen(acme: Account, settings: Settings) -> None:
    credential = factories.credential(acme)
    rung()
    settings.EVENT_RECORDERS = [f"{__name__}.note", f"{__name__}.refuse"]
    with pytest.raises(RuntimeError):
        lifecycle.revoke(credential, actor="test")
    credential.refresh_from_db()
    assert credential.state == "invited"
    assert Event.objects.get().type == "credential.created"
    assert rung() == []


@pytest.mark.django_db(transaction=True)
def test_consumers_are_rung_after_the_commit(acme: Account) -> None:
    with transaction.atomic():
        credential = factories.credential(acme)
        lifecycle.suspend(credential, actor="test")
        assert rung() == []
    assert rung() == CONSUMERS


@pytest.mark.django_db(transaction=True)
def test_a_transaction_of_many_events_rings_once(acme: Account) -> None:
    with transaction.atomic():
        for _ in range(3):
            factories.credential(acme)
        hooks = [entry[1] for entry in connection.run_on_commit]
        assert len(hooks) == len(CONSUMERS)
    assert rung() == CONSUMERS


@pytest.mark.django_db(transaction=True)
def test_what_is_undone_is_not_announced(acme: Account) -> None:
    with transaction.atomic():
        factories.credential(acme)
        transaction.set_rollback(True)
    assert rung() == []
    assert not Event.objects.exists()


def test_an_event_says_what_happened_to_what_by_whom_and_when(acme: Account) -> None:
    now = timezone.now()
    person = factories.person(acme)
    with transaction.atomic():
        event = record(
            EventType.PERSON_UPDATED,
            account=acme,
            actor="api_key:7",
            now=now,
            person=person,
            data={"changed": ["email"]},
        )
    event.refresh_from_db()
    assert (event.account, event.person, event.credential, event.sequence) == (acme, person, None, None)
    assert (event.type, event.actor, event.created_at) == ("person.updated", "api_key:7", now)
    assert event.data == {"changed": ["email"]}


def test_the_events_of_a_credential_are_numbered_without_gaps(acme: Account, globex: Account) -> None:
    credential, other = factories.credential(acme), factories.credential(globex)
    lifecycle.suspend(credential, actor="test")
    lifecycle.suspend(other, actor="test")
    lifecycle.resume(credential, actor="test")
    issuing.renew_url(credential, actor="test")
    lifecycle.revoke(credential, actor="test")
    numbered = list(credential.events.order_by("id").values_list("sequence", "type"))
    assert numbered == [
        (1, "credential.created"),
        (2, "credential.suspended"),
        (3, "credential.resumed"),
        (4, "credential.url_issued"),
        (5, "credential.revoked"),
    ]
    assert list(other.events.order_by("id").values_list("sequence", flat=True)) == [1, 2]


def test_an_event_of_a_credential_shows_how_it_looked(acme: Account) -> None:
    person = factories.person(acme, system_id="")
    credential = factories.credential(acme, holder=person)
    lifecycle.suspend(credential, actor="test")
    created, suspended = credential.events.order_by("id")
    assert created.data["person_id"] == person.pk
    assert created.data["system_id"] is None
    assert created.data["credential"]["suspended_at"] is None
    assert suspended.data["credential"]["suspended_at"] is not None


def test_an_event_holds_no_secret_and_no_personal_data(acme: Account) -> None:
    person = factories.person(acme, first_name="Ada", last_name="Lovelace", email="ada@example.org")
    credential, url = factories.credential_and_url(acme, holder=person)
    wallet_pass = factories.wallet_pass(credential)
    with transaction.atomic():
        lifecycle.add_to_wallet(
            type(wallet_pass).objects.held().get(), devices=1, by=Evidence.REGISTRATION, actor="apple"
        )
    written = repr(list(Event.objects.values()))
    for secret in (factories.url_token(url), wallet_pass.serial_number, "Lovelace", "ada@example.org"):
        assert secret not in written


def test_ten_types_are_for_others() -> None:
    assert [str(event_type) for event_type in PUBLIC_EVENT_TYPES] == [
        "credential.created",
        "credential.url_issued",
        "credential.added_to_wallet",
        "credential.removed_from_wallet",
        "credential.suspended",
        "credential.resumed",
        "credential.expired",
        "credential.revoked",
        "security.suspicious_activity",
        "webhook.test",
    ]

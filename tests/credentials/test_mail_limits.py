"""Limits of mails: so many for a person, so many for an account, and none of them made in bulk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import time_machine
from pytest_django import Settings

from credentials.accounts import update_account
from credentials.branding import update_branding
from credentials.errors import Invalid, TooManyMails
from credentials.invitations import invite
from credentials.models import Account, Credential, Invitation, RedemptionUrl
from credentials.people import update_person
from tests import factories
from tests.callers import Caller
from tests.counters import begin_anew
from tests.credentials.simultaneous import at_once

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(limited: None) -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def caller(acme: Account) -> Caller:
    """Acme's program."""
    return Caller.of(acme)


def limit(settings: Settings, **rates: str) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, **rates}


def test_a_person_gets_so_many_mails_a_day(
    caller: Caller, acme: Account, clock: time_machine.Traveller
) -> None:
    credential, other = factories.credential(acme), factories.credential(acme)
    path = f"credentials/{credential.public_id}/email"
    for _ in range(5):
        assert caller.post(path).status_code == 202
        clock.shift(timedelta(minutes=1))
    refused = caller.post(path)
    assert refused.status_code == 429
    assert refused.json()["error"] == "too_many_mails"
    assert refused.json()["detail"] == (
        "At most 5 mails go to one person in 24 hours; "
        "the next may be asked for after 2026-06-02 12:00:00 UTC."
    )
    assert refused["Retry-After"] == str(24 * 3600 - 5 * 60)
    assert refused["RateLimit"] == f'"mails_to_person";r=0;t={24 * 3600 - 5 * 60}'
    assert refused["RateLimit-Policy"] == '"mails_to_person";q=5;w=86400'
    assert caller.post(f"credentials/{other.public_id}/email").status_code == 202
    assert Invitation.objects.count() == 6
    clock.shift(timedelta(seconds=int(refused["Retry-After"])))
    assert caller.post(path).status_code == 202
    assert caller.post(path).status_code == 429


def test_all_passes_of_a_person_count_together(acme: Account, settings: Settings) -> None:
    limit(settings, mails_to_person="2/d")
    person = factories.person(acme)
    for _ in range(2):
        invite(factories.credential(acme, holder=person), actor="test")
    with pytest.raises(TooManyMails):
        invite(factories.credential(acme, holder=person), actor="test")


def test_an_account_asks_for_so_many_and_the_neighbour_does_not_feel_it(
    acme: Account, globex: Account, settings: Settings
) -> None:
    limit(settings, mails="3/d")
    for _ in range(3):
        invite(factories.credential(acme), actor="test")
    with pytest.raises(TooManyMails, match="At most 3 mails go to the people of one account in 24 hours"):
        invite(factories.credential(acme), actor="test")
    invite(factories.credential(globex), actor="test")
    assert Invitation.objects.filter(account=acme).count() == 3


def test_an_account_has_a_limit_of_its_own(acme: Account, globex: Account, settings: Settings) -> None:
    limit(settings, mails="1/d")
    update_account(acme, mails_a_day=2, actor="test")
    for _ in range(2):
        invite(factories.credential(acme), actor="test")
    with pytest.raises(TooManyMails, match="At most 2 mails go to the people of one account in 24 hours"):
        invite(factories.credential(acme), actor="test")
    invite(factories.credential(globex), actor="test")
    with pytest.raises(TooManyMails, match="At most 1 mails"):
        invite(factories.credential(globex), actor="test")


@pytest.mark.parametrize("number", [0, -1, 10_000_001])
def test_a_limit_that_is_none_is_refused(acme: Account, number: int) -> None:
    with pytest.raises(Invalid) as refused:
        update_account(acme, mails_a_day=number, actor="test")
    assert refused.value.field == "mails_a_day"


@pytest.mark.django_db(transaction=True)
def test_who_ask_at_once_do_not_exceed_it_together(acme: Account, settings: Settings) -> None:
    update_account(acme, mails_a_day=3, actor="test")
    credentials = [factories.credential(acme) for _ in range(8)]
    results = at_once([partial(invite, credential, actor="test") for credential in credentials])
    assert sorted(type(result).__name__ for result in results) == [*["Invitation"] * 3, *["TooManyMails"] * 5]


@pytest.mark.django_db(transaction=True)
def test_whoever_asks_waits_for_nobody_in_a_circle(acme: Account) -> None:
    """An account and its people are changed while mails are asked for."""
    credentials = [factories.credential(acme) for _ in range(4)]
    results = at_once(
        [
            *(partial(invite, credential, actor="test") for credential in credentials),
            *(partial(update_person, one.person, enabled=False, actor="test") for one in credentials),
            partial(update_account, acme, name="Acme", actor="test"),
            partial(update_branding, acme, accent_color="#c2410c", actor="test"),
        ]
    )
    assert not [result for result in results if isinstance(result, Exception)]


def test_what_was_counted_outlives_the_cache(acme: Account, settings: Settings) -> None:
    limit(settings, mails_to_person="1/d")
    credential = factories.credential(acme)
    invite(credential, actor="test")
    begin_anew(settings)
    with pytest.raises(TooManyMails):
        invite(credential, actor="test")


def test_where_limits_are_off_nobody_waits(acme: Account, settings: Settings) -> None:
    settings.RATE_LIMITS_ON = False
    credential = factories.credential(acme)
    for _ in range(7):
        invite(credential, actor="test")
    assert Invitation.objects.count() == 7


@pytest.mark.parametrize("path", ["credentials", "people/{person}/credentials"])
@pytest.mark.parametrize("many", [2, 50])
def test_no_call_makes_more_than_one_url(caller: Caller, acme: Account, path: str, many: int) -> None:
    people = [factories.person(acme) for _ in range(2)]
    kinds = [factories.credential_type(acme) for _ in range(2)]
    wanted = [
        {"person_id": person.pk, "credential_type_id": kind.pk} for person in people for kind in kinds
    ] * many
    for body in (wanted, {"person_credential": wanted}, {"credentials": wanted}):
        answer = caller.post(path.format(person=people[0].pk), body)
        assert answer.status_code in (400, 422)
    assert not Credential.objects.exists()
    assert not RedemptionUrl.objects.exists()

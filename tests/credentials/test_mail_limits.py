"""Limits of mails: so many for a person, so many for an account, and none of them made in bulk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import caches
from pytest_django import Settings

from credentials.errors import TooManyMails
from credentials.invitations import invite
from credentials.models import Account, Credential, Invitation, RedemptionUrl
from tests import factories
from tests.callers import Caller

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


def test_what_was_counted_outlives_the_cache(acme: Account, settings: Settings) -> None:
    limit(settings, mails_to_person="1/d")
    credential = factories.credential(acme)
    invite(credential, actor="test")
    caches["default"].close()
    settings.RATELIMIT_CACHE_PREFIX = "another:"
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

"""Issuing: one live credential a person and type, and one URL that works and can be read nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import time_machine
from django.db import IntegrityError
from pytest_django import Settings

from credentials import issuing, lifecycle, people
from credentials.errors import AlreadyHeld, IllegalMove, Invalid
from credentials.models import Account, Credential, CredentialType, Event, Person, RedemptionUrl
from credentials.states import PassState
from credentials.tokens import is_url_token, url_token_digest
from tests import factories
from tests.credentials.simultaneous import at_once
from tests.redemption.standings import every_row, install

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """It is noon."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def ada(acme: Account) -> Person:
    return factories.person(acme)


@pytest.fixture
def membership(acme: Account) -> CredentialType:
    return factories.credential_type(acme)


def issue(person: Person, kind: CredentialType, **options: datetime | None) -> tuple[Credential, str]:
    return issuing.issue(person, credential_type=kind, actor="api_key:1", **options)


def test_a_credential_begins_invited(
    ada: Person, membership: CredentialType, clock: time_machine.Traveller
) -> None:
    credential, _ = issue(ada, membership, expires_at=NOON + timedelta(days=30))
    credential.refresh_from_db()
    assert (credential.state, credential.account, credential.person) == ("invited", ada.account, ada)
    assert (credential.invited_at, credential.expires_at) == (NOON, NOON + timedelta(days=30))
    assert (credential.added_to_wallet_at, credential.revoked_at, credential.url_expires_at) == (None,) * 3
    event = Event.objects.get()
    assert (event.type, event.actor, event.sequence) == ("credential.created", "api_key:1", 1)
    assert event.data["credential"]["status"] == "invited"


def test_the_url_is_of_this_installation_and_stored_as_a_digest_only(
    ada: Person, membership: CredentialType, settings: Settings
) -> None:
    settings.BASE_URL = "https://passes.example"
    credential, url = issue(ada, membership)
    origin, _, token = url.rpartition("/")
    assert origin == "https://passes.example/passes"
    assert is_url_token(token)
    assert bytes(credential.urls.get().digest) == url_token_digest(token)
    assert token not in repr(every_row()).lower()


@pytest.mark.parametrize("past", [timedelta(0), INSTANT, timedelta(days=365)])
def test_an_end_in_the_past_is_refused(
    ada: Person, membership: CredentialType, clock: time_machine.Traveller, past: timedelta
) -> None:
    with pytest.raises(Invalid) as refused:
        issue(ada, membership, expires_at=NOON - past)
    assert refused.value.field == "expires_at"
    credential, _ = issue(ada, membership, expires_at=NOON + INSTANT)
    with pytest.raises(Invalid) as refused:
        issuing.set_expiry(credential, expires_at=NOON - past, actor="test")
    assert refused.value.field == "expires_at"


def test_a_second_live_one_is_refused_with_the_first(ada: Person, membership: CredentialType) -> None:
    credential, _ = issue(ada, membership)
    install(credential)
    with pytest.raises(AlreadyHeld) as refused:
        issue(ada, membership)
    assert refused.value.held == credential
    assert refused.value.held.installed_pass is not None
    assert Credential.objects.count() == 1
    assert Event.objects.filter(type="credential.created").count() == 1


def clash(events: Sequence[Event]) -> None:
    """A recorder whose own row is in the way."""
    raise IntegrityError


def test_an_error_that_is_about_something_else_is_not_called_held(
    ada: Person, membership: CredentialType, settings: Settings
) -> None:
    settings.EVENT_RECORDERS = [f"{__name__}.clash"]
    with pytest.raises(IntegrityError):
        issue(ada, membership)
    assert not Credential.objects.exists()


def test_another_type_and_another_person_are_no_second(ada: Person, membership: CredentialType) -> None:
    issue(ada, membership)
    issue(ada, factories.credential_type(ada.account))
    issue(factories.person(ada.account), membership)
    assert Credential.objects.count() == 3


def test_after_a_revocation_there_may_be_another(ada: Person, membership: CredentialType) -> None:
    for _ in range(3):
        credential, _ = issue(ada, membership)
        lifecycle.revoke(credential, actor="test")
    assert Credential.objects.filter(state="revoked").count() == 3


def test_after_its_end_there_may_be_another_before_any_sweep(
    ada: Person, membership: CredentialType, clock: time_machine.Traveller
) -> None:
    first, _ = issue(ada, membership, expires_at=NOON + timedelta(hours=1))
    clock.shift(timedelta(hours=1) - INSTANT)
    with pytest.raises(AlreadyHeld):
        issue(ada, membership)
    clock.shift(INSTANT)
    second, _ = issue(ada, membership)
    first.refresh_from_db()
    assert (first.state, second.state) == ("expired", "invited")
    ended = first.events.latest("id")
    assert (ended.type, ended.actor) == ("credential.expired", "clock")


@pytest.mark.parametrize("lifetime", [None, timedelta(hours=48)])
def test_an_account_says_how_long_its_urls_work(
    ada: Person, membership: CredentialType, clock: time_machine.Traveller, lifetime: timedelta | None
) -> None:
    Account.objects.update(url_lifetime=lifetime)
    credential, _ = issue(ada, membership)
    assert credential.url_expires_at == (lifetime and NOON + lifetime)
    clock.shift(timedelta(hours=1))
    renewed, _ = issuing.renew_url(credential, actor="test")
    assert renewed.url_expires_at == (lifetime and NOON + timedelta(hours=1) + lifetime)


def test_a_new_url_ends_the_former_and_all_that_it_offered(ada: Person, membership: CredentialType) -> None:
    credential, first = issue(ada, membership)
    offers = [factories.wallet_pass(credential) for _ in range(2)]
    renewed, second = issuing.renew_url(credential, actor="api_key:1")
    assert second != first
    former, current = RedemptionUrl.objects.order_by("id")
    assert former.replaced_at is not None
    assert current.replaced_at is None
    assert bytes(current.digest) == url_token_digest(factories.url_token(second))
    assert set(credential.wallet_passes.values_list("state", flat=True)) == {PassState.VOIDED}
    assert len(offers) == 2
    event = Event.objects.latest("id")
    assert (event.type, event.actor, event.sequence) == (
        "credential.url_issued",
        "api_key:1",
        renewed.sequence,
    )


def test_a_new_url_leaves_an_installed_pass_alone(ada: Person, membership: CredentialType) -> None:
    credential, _ = issue(ada, membership)
    install(credential)
    issuing.renew_url(credential, actor="test")
    assert credential.wallet_passes.get().state == PassState.INSTALLED
    assert Event.objects.latest("id").data["credential"]["wallet_type"] == "apple"


def test_an_end_is_moved_and_taken_away(
    ada: Person, membership: CredentialType, clock: time_machine.Traveller
) -> None:
    credential, _ = issue(ada, membership)
    for end in (NOON + timedelta(days=1), NOON + timedelta(days=2), None):
        assert issuing.set_expiry(credential, expires_at=end, actor="test").expires_at == end
        event = Event.objects.latest("id")
        assert event.type == "credential.updated"
        assert (event.data["credential"]["expires_at"] is None) == (end is None)
    same = issuing.set_expiry(credential, expires_at=None, actor="test")
    assert same.sequence == 4
    assert Event.objects.count() == 4


def revoke(credential: Credential) -> None:
    lifecycle.revoke(credential, actor="test")


def end(credential: Credential) -> None:
    Credential.objects.filter(pk=credential.pk).update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("finish", [revoke, end])
def test_what_has_ended_gets_neither_url_nor_end(
    ada: Person, membership: CredentialType, finish: Callable[[Credential], None]
) -> None:
    credential, _ = issue(ada, membership)
    finish(credential)
    with pytest.raises(IllegalMove):
        issuing.renew_url(credential, actor="test")
    with pytest.raises(IllegalMove):
        issuing.set_expiry(credential, expires_at=None, actor="test")
    assert RedemptionUrl.objects.get().replaced_at is None


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_issue_at_once_one_does(ada: Person, membership: CredentialType) -> None:
    results = at_once([partial(issue, ada, membership)] * 8)
    (credential,) = [result[0] for result in results if isinstance(result, tuple)]
    refusals = [result for result in results if isinstance(result, AlreadyHeld)]
    assert [refusal.held for refusal in refusals] == [credential] * 7
    assert Credential.objects.get() == credential
    assert Event.objects.count() == RedemptionUrl.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_eight_new_urls_at_once_the_last_works(ada: Person, membership: CredentialType) -> None:
    credential, _ = issue(ada, membership)
    results = at_once([partial(issuing.renew_url, credential, actor="test")] * 8)
    assert all(isinstance(result, tuple) for result in results), results
    assert RedemptionUrl.objects.filter(replaced_at=None).count() == 1
    assert list(credential.events.order_by("id").values_list("sequence", flat=True)) == list(range(1, 10))


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_replace_an_ended_one_at_once_one_does(ada: Person, membership: CredentialType) -> None:
    ended, _ = issue(ada, membership)
    end(ended)
    results = at_once([partial(issue, ada, membership)] * 8)
    (credential,) = [result[0] for result in results if isinstance(result, tuple)]
    refusals = [result for result in results if isinstance(result, AlreadyHeld)]
    assert [refusal.held for refusal in refusals] == [credential] * 7
    assert ended.events.filter(type="credential.expired").count() == 1


def test_people_of_another_account_are_another_matter(ada: Person, globex: Account) -> None:
    theirs = factories.credential(globex)
    people.delete_person(ada, actor="test")
    theirs.refresh_from_db()
    assert theirs.state == "invited"

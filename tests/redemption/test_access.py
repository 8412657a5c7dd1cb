"""The door: one outcome for each condition, up to the instant at which a date binds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction

from credentials import issuing, lifecycle, tokens
from credentials.errors import Gone, InUse, NotFound, Refusal, Suspended
from credentials.models import Account, Credential, Person, WalletPass
from credentials.states import State, Wallet
from redemption import access
from redemption.access import Standing
from tests import factories
from tests.redemption import standings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def stopped_clock() -> Iterator[time_machine.Traveller]:
    """It is NOW."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def issued(account: Account) -> tuple[Credential, str]:
    credential, url = factories.credential_and_url(account)
    return credential, factories.url_token(url)


def standing_with(account: Account, **columns: object) -> Standing:
    """How a URL stands whose credential has these columns."""
    credential, token = issued(account)
    Credential.objects.filter(pk=credential.pk).update(**columns)
    return access.visit(token).standing


def standing_of_holder(account: Account, **columns: object) -> Standing:
    """How a URL stands whose holder has these columns."""
    credential, token = issued(account)
    Person.objects.filter(pk=credential.person_id).update(**columns)
    return access.visit(token).standing


def test_an_issued_url_opens_its_own_credential(acme: Account, globex: Account) -> None:
    theirs, token = issued(globex)
    issued(acme)
    visit = access.visit(token)
    assert visit.credential == theirs
    assert visit.standing == Standing.READY
    assert visit.installed_wallet is None


def test_the_case_of_a_token_does_not_matter(acme: Account) -> None:
    credential, token = issued(acme)
    assert access.visit(token.upper()).credential == credential


@pytest.mark.parametrize(
    "token", ["", "x", "0" * 25, "0" * 27, "u" * 26, "é" * 26, "0" * 25 + "\0", "0" * 10_000]
)
def test_a_malformed_token_opens_nothing(
    acme: Account, token: str, django_assert_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    # As many as for an unknown one, so that the time tells nothing.
    with django_assert_num_queries(1), pytest.raises(NotFound):
        access.visit(token)


def test_an_unknown_token_opens_nothing(acme: Account) -> None:
    issued(acme)
    with pytest.raises(NotFound) as unknown:
        access.visit(tokens.mint_url_token())
    with pytest.raises(NotFound) as malformed:
        access.visit("x")
    assert unknown.value.sentence == malformed.value.sentence


def test_a_pass_in_a_wallet_is_shown(acme: Account) -> None:
    credential, token = issued(acme)
    standings.install(credential, wallet=Wallet.GOOGLE)
    visit = access.visit(token)
    assert visit.standing == Standing.IN_USE
    assert visit.installed_wallet == Wallet.GOOGLE


def test_a_removed_pass_makes_the_url_ready_again(acme: Account) -> None:
    credential, token = issued(acme)
    standings.install(credential)
    with transaction.atomic():
        lifecycle.remove_from_wallet(WalletPass.objects.held().get(), devices=0, actor="test")
    assert access.visit(token).standing == Standing.READY


@pytest.mark.parametrize(
    ("end", "standing"),
    [(NOW + INSTANT, Standing.READY), (NOW, Standing.EXPIRED), (NOW - INSTANT, Standing.EXPIRED)],
)
def test_a_credential_expires_at_its_instant(acme: Account, end: datetime, standing: Standing) -> None:
    assert standing_with(acme, expires_at=end) == standing


@pytest.mark.parametrize(
    ("end", "standing"),
    [(NOW + INSTANT, Standing.READY), (NOW, Standing.EXPIRED), (NOW - INSTANT, Standing.EXPIRED)],
)
def test_a_url_expires_at_its_instant(acme: Account, end: datetime, standing: Standing) -> None:
    assert standing_with(acme, url_expires_at=end) == standing


def test_an_account_decides_how_long_its_urls_work(
    acme: Account, stopped_clock: time_machine.Traveller
) -> None:
    acme.url_lifetime = timedelta(hours=1)
    acme.save()
    _, token = issued(acme)
    stopped_clock.move_to(NOW + timedelta(hours=1) - INSTANT)
    assert access.visit(token).standing == Standing.READY
    stopped_clock.move_to(NOW + timedelta(hours=1))
    assert access.visit(token).standing == Standing.EXPIRED


@pytest.mark.parametrize(
    ("start", "standing"),
    [(NOW + INSTANT, Standing.SUSPENDED), (NOW, Standing.READY), (NOW - INSTANT, Standing.READY)],
)
def test_a_person_may_begin_at_their_instant(acme: Account, start: datetime, standing: Standing) -> None:
    assert standing_of_holder(acme, valid_from=start) == standing


@pytest.mark.parametrize(
    ("end", "standing"),
    [(NOW + INSTANT, Standing.READY), (NOW, Standing.SUSPENDED), (NOW - INSTANT, Standing.SUSPENDED)],
)
def test_a_person_may_no_more_at_their_instant(acme: Account, end: datetime, standing: Standing) -> None:
    assert standing_of_holder(acme, valid_to=end) == standing


def test_a_disabled_person_is_suspended(acme: Account) -> None:
    assert standing_of_holder(acme, enabled=False) == Standing.SUSPENDED


def test_a_suspended_credential_says_so_although_it_is_in_a_wallet(acme: Account) -> None:
    credential, token = issued(acme)
    standings.install(credential)
    lifecycle.suspend(credential, actor="test")
    assert access.visit(token).standing == Standing.SUSPENDED
    lifecycle.resume(credential, actor="test")
    assert access.visit(token).standing == Standing.IN_USE


def test_a_replaced_url_says_so_and_the_new_one_works(acme: Account) -> None:
    credential, token = issued(acme)
    _, newer = issuing.renew_url(credential, actor="test")
    assert access.visit(token).standing == Standing.REPLACED
    assert access.visit(factories.url_token(newer)).standing == Standing.READY


def test_what_is_final_is_told_first(acme: Account) -> None:
    credential, token = issued(acme)
    lifecycle.suspend(credential, actor="test")
    issuing.renew_url(credential, actor="test")
    assert access.visit(token).standing == Standing.REPLACED
    Credential.objects.filter(pk=credential.pk).update(expires_at=NOW)
    assert access.visit(token).standing == Standing.EXPIRED
    Credential.objects.filter(pk=credential.pk).update(expires_at=None)
    lifecycle.revoke(credential, actor="test")
    assert access.visit(token).standing == Standing.REVOKED


def test_a_recorded_end_needs_no_date(acme: Account) -> None:
    credential, token = issued(acme)
    Credential.objects.filter(pk=credential.pk).update(expires_at=NOW)
    assert lifecycle.expire(credential)
    Credential.objects.filter(pk=credential.pk, state=State.EXPIRED).update(expires_at=None)
    assert access.visit(token).standing == Standing.EXPIRED


@pytest.mark.parametrize(
    ("standing", "refusal"),
    [
        ("in_use", InUse),
        ("suspended", Suspended),
        ("revoked", Gone),
        ("expired", Gone),
        ("replaced", Gone),
    ],
)
def test_only_a_ready_url_can_be_claimed(acme: Account, standing: str, refusal: type[Refusal]) -> None:
    path = standings.STANDINGS[standing][0](acme)
    with transaction.atomic(), pytest.raises(refusal):
        access.claimable(factories.url_token(path))


def test_a_ready_url_can_be_claimed(acme: Account) -> None:
    credential, token = issued(acme)
    with transaction.atomic():
        visit = access.claimable(token)
    assert visit.credential == credential
    assert visit.standing == Standing.READY


def test_an_unknown_url_cannot_be_claimed(acme: Account) -> None:
    issued(acme)
    with transaction.atomic(), pytest.raises(NotFound):
        access.claimable(tokens.mint_url_token())

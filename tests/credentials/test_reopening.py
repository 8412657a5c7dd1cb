"""What an account wants before a URL whose pass was removed adds another one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction
from django.test import Client

from credentials import issuing, lifecycle, reopening
from credentials.errors import IllegalMove
from credentials.event_types import EventType
from credentials.models import Account, Credential, Event, WalletPass
from credentials.models.accounts import Reopening
from tests import factories
from tests.redemption import standings

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def removed(account: Account, policy: Reopening) -> tuple[Credential, str]:
    """A credential whose pass was in a wallet and is not any more, and the path of its URL."""
    Account.objects.filter(pk=account.pk).update(reopening=policy, reopening_pause=timedelta(hours=6))
    credential, url = factories.credential_and_url(Account.objects.get(pk=account.pk))
    standings.install(credential)
    remove(credential)
    return Credential.objects.get(pk=credential.pk), standings.path_of(url)


def remove(credential: Credential) -> None:
    """The wallet reports that the pass is gone."""
    with transaction.atomic():
        held = WalletPass.objects.held().get(credential=credential)
        assert lifecycle.remove_from_wallet(held, devices=0, actor="test")


def state_of(client: Client, path: str) -> str:
    return client.get(path).content.decode().partition('data-state="')[2].partition('"')[0]


def test_a_url_works_again_at_once_unless_the_account_says_otherwise(client: Client, acme: Account) -> None:
    _, path = removed(acme, Reopening.AT_ONCE)
    assert state_of(client, path) == "ready"


def test_after_the_pause_a_url_works_again(
    client: Client, acme: Account, clock: time_machine.Traveller
) -> None:
    _, path = removed(acme, Reopening.AFTER_PAUSE)
    assert state_of(client, path) == "suspended"
    assert client.post(f"{path}/apple").status_code == 409
    clock.move_to(NOON + timedelta(hours=6))
    assert state_of(client, path) == "ready"


def test_a_url_that_was_used_is_ended_where_a_fresh_one_is_wanted(client: Client, acme: Account) -> None:
    credential, path = removed(acme, Reopening.FRESH_URL)
    assert state_of(client, path) == "replaced"
    assert client.post(f"{path}/apple").status_code == 410
    _, fresh = issuing.renew_url(credential, actor="test")
    assert state_of(client, standings.path_of(fresh)) == "ready"


def test_an_approval_re_opens_and_is_on_record_once(client: Client, acme: Account) -> None:
    credential, path = removed(acme, Reopening.APPROVAL)
    assert state_of(client, path) == "suspended"
    for _ in range(2):
        credential = reopening.reopen(credential, actor="admin:1")
    assert state_of(client, path) == "ready"
    event = Event.objects.get(type=EventType.CREDENTIAL_REOPENED)
    assert (event.actor, event.sequence) == ("admin:1", credential.sequence)


def test_a_fresh_url_opens_what_a_removal_has_closed(client: Client, acme: Account) -> None:
    credential, _ = removed(acme, Reopening.APPROVAL)
    _, fresh = issuing.renew_url(credential, actor="test")
    assert state_of(client, standings.path_of(fresh)) == "ready"


def test_the_same_pass_may_come_back_while_the_url_is_closed(client: Client, acme: Account) -> None:
    _, path = removed(acme, Reopening.APPROVAL)
    standings.report(WalletPass.objects.get())
    assert state_of(client, path) == "in_use"


@pytest.mark.parametrize("policy", Reopening)
def test_a_pass_that_came_back_waits_for_nothing(client: Client, acme: Account, policy: Reopening) -> None:
    credential, path = removed(acme, policy)
    standings.report(WalletPass.objects.get())
    answer = client.get(path)
    assert (answer.status_code, answer["Pass-State"]) == (200, "in_use")
    assert client.post(f"{path}/apple").status_code == 409
    credential.refresh_from_db()
    assert (credential.awaits_approval, credential.reopens_at) == (False, None)


def test_a_url_that_was_used_ends_anew_when_its_pass_goes_again(
    client: Client, acme: Account, clock: time_machine.Traveller
) -> None:
    credential, path = removed(acme, Reopening.FRESH_URL)
    standings.report(WalletPass.objects.get())
    clock.move_to(NOON + timedelta(days=1))
    remove(credential)
    page = client.get(path).content.decode()
    assert "The pass that it added was removed on June 2, 2026" in page


def test_a_pass_that_came_back_does_not_hide_that_it_is_suspended(client: Client, acme: Account) -> None:
    credential, path = removed(acme, Reopening.FRESH_URL)
    standings.report(WalletPass.objects.get())
    lifecycle.suspend(credential, actor="test")
    assert state_of(client, path) == "suspended"


def test_a_url_that_was_replaced_on_purpose_stays_so(
    client: Client, acme: Account, clock: time_machine.Traveller
) -> None:
    credential, older = removed(acme, Reopening.AT_ONCE)
    clock.move_to(NOON + timedelta(hours=1))
    issuing.renew_url(credential, actor="test")
    Account.objects.update(reopening=Reopening.FRESH_URL)
    standings.report(WalletPass.objects.get())
    assert state_of(client, older) == "replaced"


def test_what_has_ended_is_not_re_opened(acme: Account) -> None:
    credential, _ = removed(acme, Reopening.APPROVAL)
    lifecycle.revoke(credential, actor="test")
    with pytest.raises(IllegalMove):
        reopening.reopen(credential, actor="admin:1")


def test_the_policy_of_another_account_does_not_matter(
    client: Client, acme: Account, globex: Account
) -> None:
    Account.objects.filter(pk=globex.pk).update(reopening=Reopening.APPROVAL)
    _, path = removed(acme, Reopening.AT_ONCE)
    assert state_of(client, path) == "ready"


def in_use(account: Account, policy: Reopening) -> str:
    """The path of a URL whose pass is in a wallet."""
    Account.objects.filter(pk=account.pk).update(reopening=policy, reopening_pause=timedelta(hours=6))
    return standings.in_use(Account.objects.get(pk=account.pk))


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (Reopening.AT_ONCE, "It works again a moment after the pass was removed"),
        (Reopening.AFTER_PAUSE, "only after a pause, which begins with the removal (6\xa0hours)"),
        (Reopening.APPROVAL, "ask Acme Gym first: once the pass was removed, they have to approve"),
        (Reopening.FRESH_URL, "ask Acme Gym first: once the pass was removed, only a new link"),
    ],
)
def test_the_page_tells_beforehand_what_a_removal_leads_to(
    client: Client, acme: Account, policy: Reopening, told: str
) -> None:
    page = client.get(in_use(acme, policy)).content.decode()
    assert told in page
    assert ("works again a moment after" in page) == (policy == Reopening.AT_ONCE)
    assert ("you need it to add the pass again" in page) == (policy != Reopening.FRESH_URL)


def test_a_pause_is_written_in_the_language_of_the_page(client: Client, acme: Account) -> None:
    path = in_use(acme, Reopening.AFTER_PAUSE)
    assert "(6\xa0Stunden)" in client.get(f"{path}?lang=de").content.decode()
    Account.objects.update(reopening_pause=timedelta(seconds=20))
    assert "(1\xa0Minute)" in client.get(f"{path}?lang=de").content.decode()

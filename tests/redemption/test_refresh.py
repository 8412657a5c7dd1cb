"""Keeping wallets true: which change marks which passes, and when their devices are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from credentials import issuing, lifecycle, people
from credentials.models import Account, Credential, CredentialType, Person, WalletPass
from redemption import refresh
from redemption.apple import push
from redemption.models import AppleDevice, AppleIdentity, ApplePass
from tests import factories
from tests.redemption.apple.claimed import PHONE, WATCH, Claimed, claim, claim_url, register


@pytest.fixture
def installed(client: Client, acme: Account, acme_identity: AppleIdentity) -> Claimed:
    """A pass on a phone, of which the phone has heard everything."""
    claimed = claim(acme)
    assert register(client, claimed).status_code == 201
    claimed.reload()
    settle()
    return claimed


def settle(*, pushed_at: datetime | None = None) -> None:
    """Every change has its number, an hour ago, and no push is owed."""
    ApplePass.objects.update(update_tag=1, modified_at=whole(timezone.now() - timedelta(hours=1)))
    AppleDevice.objects.update(push_due_at=None, pushed_at=pushed_at)


def whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def marked() -> list[int]:
    """The passes whose content has changed since."""
    return list(ApplePass.objects.filter(update_tag=None).values_list("pk", flat=True))


def owed() -> list[str]:
    """The devices that are owed a push."""
    devices = AppleDevice.objects.filter(push_due_at__isnull=False).order_by("id")
    return list(devices.values_list("device_library_identifier", flat=True))


def suspend(credential: Credential) -> None:
    lifecycle.suspend(credential, actor="test")


def resume(credential: Credential) -> None:
    Credential.objects.filter(pk=credential.pk).update(suspended_at=timezone.now())
    lifecycle.resume(credential, actor="test")


def revoke(credential: Credential) -> None:
    lifecycle.revoke(credential, actor="test")


def expire(credential: Credential) -> None:
    Credential.objects.filter(pk=credential.pk).update(expires_at=timezone.now())
    assert lifecycle.expire(credential)


def move_end(credential: Credential) -> None:
    issuing.set_expiry(credential, expires_at=timezone.now() + timedelta(days=1), actor="test")


def rename(credential: Credential) -> None:
    people.update_person(credential.person, first_name="Augusta", actor="test")


def disable(credential: Credential) -> None:
    people.update_person(credential.person, enabled=False, actor="test")


def enable(credential: Credential) -> None:
    Person.objects.filter(pk=credential.person_id).update(enabled=False)
    people.update_person(credential.person, enabled=True, actor="test")


def delete_holder(credential: Credential) -> None:
    people.delete_person(credential.person, actor="test")


def renew_url(credential: Credential) -> None:
    issuing.renew_url(credential, actor="test")


@pytest.mark.parametrize(
    "change", [suspend, resume, revoke, expire, move_end, rename, disable, enable, delete_holder]
)
def test_what_changes_how_a_pass_looks_marks_it_and_owes_a_push(
    installed: Claimed, acme: Account, change: Callable[[Credential], None]
) -> None:
    before = ApplePass.objects.get().modified_at
    change(installed.credential)
    assert marked() == [installed.wallet_pass.pk]
    assert owed() == [PHONE]
    assert ApplePass.objects.get().modified_at > before


def test_a_new_url_changes_no_pass(installed: Claimed) -> None:
    renew_url(installed.credential)
    assert (marked(), owed()) == ([], [])


def test_a_change_that_is_undone_marks_nothing(installed: Claimed) -> None:
    with transaction.atomic():
        suspend(installed.credential)
        transaction.set_rollback(True)
    assert (marked(), owed()) == ([], [])


def test_nobody_elses_passes_are_marked(
    client: Client,
    installed: Claimed,
    acme: Account,
    globex: Account,
    globex_identity: AppleIdentity,
) -> None:
    other = claim(acme)
    register(client, other, WATCH)
    claim(globex)
    settle()
    rename(installed.credential)
    assert marked() == [installed.wallet_pass.pk]
    assert owed() == [PHONE]


def test_a_change_of_a_person_marks_all_their_passes(
    client: Client, installed: Claimed, acme: Account
) -> None:
    second = claim_url(*factories.credential_and_url(acme, holder=installed.credential.person))
    register(client, second, WATCH)
    settle()
    rename(installed.credential)
    assert sorted(marked()) == sorted([installed.wallet_pass.pk, second.wallet_pass.pk])
    assert owed() == [PHONE, WATCH]


def test_every_device_of_a_pass_is_told(client: Client, installed: Claimed) -> None:
    register(client, installed, WATCH)
    settle()
    suspend(installed.credential)
    assert owed() == [PHONE, WATCH]


@pytest.mark.parametrize(
    ("change", "urgent"),
    [(suspend, False), (rename, False), (move_end, False), (revoke, True), (disable, True)],
)
def test_only_what_closes_a_door_does_not_wait_for_the_quiet_time(
    *, installed: Claimed, change: Callable[[Credential], None], urgent: bool
) -> None:
    pushed = timezone.now() - timedelta(seconds=10)
    settle(pushed_at=pushed)
    change(installed.credential)
    due = AppleDevice.objects.get().push_due_at
    assert due is not None
    assert (due <= timezone.now()) is urgent
    assert urgent or due == pushed + push.QUIET_TIME


def test_after_the_quiet_time_a_push_is_due_at_once(installed: Claimed) -> None:
    settle(pushed_at=timezone.now() - push.QUIET_TIME)
    suspend(installed.credential)
    due = AppleDevice.objects.get().push_due_at
    assert due is not None
    assert due <= timezone.now()


def test_a_push_that_is_due_sooner_stays_so(installed: Claimed) -> None:
    sooner = timezone.now() - timedelta(minutes=5)
    AppleDevice.objects.update(push_due_at=sooner)
    suspend(installed.credential)
    assert AppleDevice.objects.get().push_due_at == sooner


def test_a_revocation_brings_a_waiting_push_forward(installed: Claimed) -> None:
    settle(pushed_at=timezone.now())
    suspend(installed.credential)
    waiting = AppleDevice.objects.get().push_due_at
    revoke(installed.credential)
    sooner = AppleDevice.objects.get().push_due_at
    assert waiting is not None
    assert sooner is not None
    assert sooner < waiting


def test_two_changes_in_a_second_differ_in_the_time_that_devices_compare(installed: Claimed) -> None:
    times = []
    for change in (suspend, rename, revoke):
        change(installed.credential)
        times.append(ApplePass.objects.get().modified_at)
    assert len(set(times)) == 3
    assert all(moment.microsecond == 0 for moment in times)


def test_events_that_no_pass_shows_cost_nothing(
    acme: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    credential = factories.credential(acme)
    event = credential.events.get()
    with django_assert_num_queries(0):
        refresh.mark_changed([event])
        refresh.mark_changed([])


def test_a_changed_design_marks_its_passes_in_batches(
    client: Client, acme: Account, acme_identity: AppleIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "BATCH", 2)
    kind = factories.credential_type(acme)
    mine = [claim(acme) for _ in range(5)]
    for number, claimed in enumerate(mine):
        register(client, claimed, f"phone-{number}")
    Credential.objects.update(credential_type=kind)
    settle()
    assert refresh.mark_designs() == 0
    CredentialType.objects.filter(pk=kind.pk).update(version=3)
    assert refresh.mark_designs() == 5
    assert len(marked()) == len(owed()) == 5
    kind.refresh_from_db()
    assert kind.refreshed_version == 3


@contextmanager
def when_passes_are_marked(happens: Callable[[], object]) -> Iterator[None]:
    """Something happens right after the statement that marks passes."""

    def watch(execute: Callable[..., object], sql: str, *rest: object) -> object:
        result = execute(sql, *rest)
        if sql.startswith(f'UPDATE "{ApplePass._meta.db_table}"'):
            happens()
        return result

    with connection.execute_wrapper(watch):
        yield


def test_a_design_that_is_changed_meanwhile_is_done_again(installed: Claimed) -> None:
    kinds = CredentialType.objects.filter(pk=installed.credential.credential_type_id)
    kinds.update(version=2)
    with when_passes_are_marked(lambda: kinds.update(version=3)):
        assert refresh.mark_designs() == 1
    assert kinds.get().refreshed_version == 2
    assert refresh.mark_designs() == 1
    assert refresh.mark_designs() == 0


def test_an_interrupted_run_is_run_again(installed: Claimed) -> None:
    kinds = CredentialType.objects.filter(pk=installed.credential.credential_type_id)
    kinds.update(version=2)

    def die() -> None:
        raise SystemExit

    with when_passes_are_marked(die), pytest.raises(SystemExit):
        refresh.mark_designs()
    assert kinds.get().refreshed_version == 1
    assert marked() == []
    assert refresh.mark_designs() == 1


@pytest.mark.parametrize(("state", "count"), [("offered", 1), ("removed", 1), ("voided", 0)])
def test_what_may_get_into_a_wallet_is_refreshed_as_well(
    state: str, count: int, acme: Account, acme_identity: AppleIdentity
) -> None:
    claim(acme)
    WalletPass.objects.update(state=state)
    CredentialType.objects.update(version=2)
    assert refresh.mark_designs() == count
    Person.objects.update(valid_to=timezone.now() + timedelta(hours=1))
    assert refresh.mark_validity(now=timezone.now() + timedelta(hours=2)) == count


@pytest.mark.parametrize("column", ["valid_from", "valid_to"])
@pytest.mark.parametrize(
    ("ago", "count"),
    [
        (timedelta(seconds=-1), 0),
        (timedelta(0), 1),
        (timedelta(minutes=59), 1),
        (timedelta(minutes=61), 0),  # the pass was made anew after that
        (timedelta(days=3), 0),
    ],
)
def test_a_persons_time_is_shown_when_it_comes(
    installed: Claimed, column: str, ago: timedelta, count: int
) -> None:
    now = whole(timezone.now())
    Person.objects.update(**{column: now - ago})
    assert refresh.mark_validity(now=now) == count
    assert len(marked()) == len(owed()) == count
    assert refresh.mark_validity(now=now) == 0

"""The lifecycle: a matrix written by hand, and what every verb leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from credentials import lifecycle
from credentials.errors import IllegalMove
from credentials.models import Account, Credential, Event, WalletPass
from credentials.states import Evidence, Move, PassState, State
from tests import factories

# Policy, stated a second time. "." nothing happens and no event; "!" refused; else the state it becomes.
MATRIX = """
                     add              remove               revoke   expire
invited              added_to_wallet  .                    revoked  expired
added_to_wallet      .                removed_from_wallet  revoked  expired
removed_from_wallet  added_to_wallet  .                    revoked  expired
revoked              .                .                    .        .
expired              .                .                    !        .
"""


def cells() -> list[tuple[State, Move, str]]:
    header, *rows = [line.split() for line in MATRIX.strip().splitlines()]
    return [
        (State(row[0]), Move(move), outcome)
        for row in rows
        for move, outcome in zip(header, row[1:], strict=True)
    ]


def credential_in(state: State, account: Account) -> tuple[Credential, WalletPass]:
    """A credential that got into `state` by the verbs, with the pass that reports are about."""
    credential = factories.credential(account)
    wallet_pass = factories.wallet_pass(credential)
    if state in (State.ADDED_TO_WALLET, State.REMOVED_FROM_WALLET):
        add(wallet_pass)
    if state == State.REMOVED_FROM_WALLET:
        remove(wallet_pass)
    if state == State.REVOKED:
        lifecycle.revoke(credential, actor="test")
    if state == State.EXPIRED:
        end(credential)
        lifecycle.expire(credential)
    credential.refresh_from_db()
    return credential, wallet_pass


def end(credential: Credential) -> None:
    Credential.objects.filter(pk=credential.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def add(wallet_pass: WalletPass, *, devices: int = 1) -> bool:
    with transaction.atomic():
        return lifecycle.add_to_wallet(
            held(wallet_pass), devices=devices, by=Evidence.REGISTRATION, actor="apple"
        )


def remove(wallet_pass: WalletPass, *, devices: int = 0) -> bool:
    with transaction.atomic():
        return lifecycle.remove_from_wallet(held(wallet_pass), devices=devices, actor="apple")


def held(wallet_pass: WalletPass) -> WalletPass:
    return WalletPass.objects.held().get(pk=wallet_pass.pk)


def take(move: Move, credential: Credential, wallet_pass: WalletPass) -> None:
    if move == Move.EXPIRE and credential.state not in (State.EXPIRED,):
        end(credential)
    moves: dict[Move, Callable[[], object]] = {
        Move.ADD: lambda: add(wallet_pass),
        Move.REMOVE: lambda: remove(wallet_pass),
        Move.REVOKE: lambda: lifecycle.revoke(credential, actor="test"),
        Move.EXPIRE: lambda: lifecycle.expire(credential),
    }
    moves[move]()


def test_the_matrix_has_every_state_and_every_move() -> None:
    assert {(state, move) for state, move, _ in cells()} == {
        (state, move) for state in State for move in Move
    }


@pytest.mark.parametrize(("state", "move", "outcome"), cells())
def test_the_matrix_holds(acme: Account, state: State, move: Move, outcome: str) -> None:
    credential, wallet_pass = credential_in(state, acme)
    events, sequence = Event.objects.count(), credential.sequence
    if outcome == "!":
        with pytest.raises(IllegalMove):
            take(move, credential, wallet_pass)
    else:
        take(move, credential, wallet_pass)
    credential.refresh_from_db()
    moved = outcome not in ("!", ".")
    assert credential.state == (outcome if moved else state)
    assert Event.objects.count() == events + moved
    assert credential.sequence == sequence + moved


@pytest.mark.parametrize(("state", "move", "outcome"), [cell for cell in cells() if cell[2] not in "!."])
def test_a_move_writes_its_event_and_its_time(acme: Account, state: State, move: Move, outcome: str) -> None:
    credential, wallet_pass = credential_in(state, acme)
    take(move, credential, wallet_pass)
    event = Event.objects.latest("id")
    assert event.type == f"credential.{outcome}"
    assert event.account == acme
    assert event.data["credential"]["status"] == outcome
    assert event.data["credential"]["id"] == credential.public_id
    credential.refresh_from_db()
    assert event.sequence == credential.sequence
    stamps = {State.EXPIRED: "expires_at"}
    assert getattr(credential, stamps.get(State(outcome), f"{outcome}_at")) is not None


def test_the_event_shows_the_pass_that_was_installed(acme: Account) -> None:
    _, wallet_pass = credential_in(State.INVITED, acme)
    add(wallet_pass, devices=2)
    shown = Event.objects.latest("id").data["credential"]
    assert (shown["wallet_type"], shown["devices"]) == ("apple", 2)


def test_the_first_report_wins_and_voids_the_other_offers(acme: Account) -> None:
    credential = factories.credential(acme)
    first, second = factories.wallet_pass(credential), factories.wallet_pass(credential)
    assert add(second) is True
    assert add(first) is False
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == (PassState.VOIDED, PassState.INSTALLED)
    assert first.voided_at is not None
    assert second.voided_at is None


def test_a_removed_pass_installs_again_when_nothing_else_is(acme: Account) -> None:
    credential, wallet_pass = credential_in(State.REMOVED_FROM_WALLET, acme)
    assert add(wallet_pass) is True
    credential.refresh_from_db()
    assert credential.state == State.ADDED_TO_WALLET


def test_a_removed_pass_is_voided_when_another_was_installed_meanwhile(acme: Account) -> None:
    credential, former = credential_in(State.REMOVED_FROM_WALLET, acme)
    latter = factories.wallet_pass(credential)
    assert add(latter) is True
    assert add(former) is False
    former.refresh_from_db()
    assert former.state == PassState.VOIDED


def test_more_devices_are_counted_without_an_event(acme: Account) -> None:
    _, wallet_pass = credential_in(State.ADDED_TO_WALLET, acme)
    events = Event.objects.count()
    assert add(wallet_pass, devices=3) is True
    assert remove(wallet_pass, devices=2) is False
    assert remove(wallet_pass, devices=2) is False
    wallet_pass.refresh_from_db()
    assert wallet_pass.devices == 2
    assert Event.objects.count() == events


def test_revoking_voids_every_open_pass(acme: Account) -> None:
    credential, _ = credential_in(State.ADDED_TO_WALLET, acme)
    offer = factories.wallet_pass(credential)
    revoked = lifecycle.revoke(credential, actor="admin:ada")
    assert revoked.state == State.REVOKED
    assert set(credential.wallet_passes.values_list("state", flat=True)) == {PassState.VOIDED}
    assert offer.pk
    assert Event.objects.latest("id").actor == "admin:ada"


def test_an_end_date_binds_before_the_sweep_records_it(acme: Account) -> None:
    credential, wallet_pass = credential_in(State.INVITED, acme)
    end(credential)
    assert add(wallet_pass) is False
    wallet_pass.refresh_from_db()
    assert wallet_pass.state == PassState.VOIDED


def test_a_credential_whose_end_has_not_come_does_not_expire(acme: Account) -> None:
    credential = factories.credential(acme, expires_at=timezone.now() + timedelta(hours=1))
    assert lifecycle.expire(credential) is False
    credential.refresh_from_db()
    assert credential.state == State.INVITED


def test_suspending_twice_writes_one_event(acme: Account) -> None:
    credential = factories.credential(acme)
    first = lifecycle.suspend(credential, actor="test")
    again = lifecycle.suspend(credential, actor="test")
    assert first.suspended_at == again.suspended_at is not None
    assert Event.objects.filter(type="credential.suspended").count() == 1


def test_resuming_lets_it_work_again(acme: Account) -> None:
    credential = factories.credential(acme)
    lifecycle.suspend(credential, actor="test")
    assert lifecycle.resume(credential, actor="test").suspended_at is None
    assert lifecycle.resume(credential, actor="test").suspended_at is None
    assert Event.objects.filter(type="credential.resumed").count() == 1


@pytest.mark.parametrize("order", [lifecycle.suspend, lifecycle.resume])
@pytest.mark.parametrize("state", [State.REVOKED, State.EXPIRED])
def test_what_has_ended_is_neither_suspended_nor_resumed(
    acme: Account, state: State, order: Callable[..., Credential]
) -> None:
    credential, _ = credential_in(state, acme)
    with pytest.raises(IllegalMove, match=state):
        order(credential, actor="test")


def test_a_report_that_comes_after_the_end_changes_nothing(acme: Account) -> None:
    credential, wallet_pass = credential_in(State.ADDED_TO_WALLET, acme)
    stale = held(wallet_pass) if connection.in_atomic_block else wallet_pass
    lifecycle.revoke(credential, actor="test")
    # A report that was read before the revocation, and arrives after it.
    assert lifecycle.remove_from_wallet(stale, devices=0, actor="apple") is False
    credential.refresh_from_db()
    assert credential.state == State.REVOKED


def test_only_the_newest_offers_stay_open(acme: Account) -> None:
    credential = factories.credential(acme)
    offers = [factories.wallet_pass(credential) for _ in range(7)]
    lifecycle.void_offers(credential, now=timezone.now(), keep=5)
    open_offers = credential.wallet_passes.filter(state=PassState.OFFERED)
    assert set(open_offers) == set(offers[2:])


def test_the_database_refuses_a_second_installed_pass(acme: Account) -> None:
    credential, _ = credential_in(State.ADDED_TO_WALLET, acme)
    second = factories.wallet_pass(credential)
    with pytest.raises(IntegrityError):
        WalletPass.objects.filter(pk=second.pk).update(state=PassState.INSTALLED)


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "lost"},
        {"state": State.REVOKED},
        {"revoked_at": timezone.now()},
        {"state": State.ADDED_TO_WALLET},
    ],
)
def test_the_database_refuses_what_the_lifecycle_would(acme: Account, columns: dict[str, object]) -> None:
    credential = factories.credential(acme)
    with pytest.raises(IntegrityError):
        Credential.objects.filter(pk=credential.pk).update(**columns)

"""The verbs of the lifecycle: the only code that writes the state of a credential or of a wallet pass.

An *order* comes from the issuer: it is done, already done (quietly, no second event) or refused with
`IllegalMove`. A *report* comes from a wallet or the clock and is a fact about the past: it changes the
state if it still can, and otherwise changes nothing. Every verb is one transaction with its event.

The credential's row is locked first, always; whoever also touches its passes does so under that lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar, cast

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, F, Model, Q, QuerySet, Value, When
from django.db.models.query import RawQuerySet
from django.db.models.sql import UpdateQuery
from django.utils import timezone
from django.utils.module_loading import import_string

from credentials import reopening
from credentials.errors import IllegalMove
from credentials.event_types import EventType
from credentials.events import record_for_credential
from credentials.models import Credential, WalletPass
from credentials.states import LIVE, RULES, Evidence, Move, PassState

Row = TypeVar("Row", bound=Model)

_EVENT_OF: dict[Move, EventType] = {
    Move.ADD: EventType.CREDENTIAL_ADDED_TO_WALLET,
    Move.REMOVE: EventType.CREDENTIAL_REMOVED_FROM_WALLET,
    Move.REVOKE: EventType.CREDENTIAL_REVOKED,
    Move.EXPIRE: EventType.CREDENTIAL_EXPIRED,
}


def add_to_wallet(held: WalletPass, *, devices: int, by: Evidence, actor: str) -> bool:
    """Report: the pass is in a wallet on `devices` devices, as `by` shows. True when it is the installed one.

    The first pass that is reported wins and voids every other offer. A pass that lost, or whose credential
    has ended, is voided instead: its wallet must be told. `held` comes from `WalletPass.objects.held()`.
    """
    now = timezone.now()
    if held.state == PassState.VOIDED:
        _update(held, devices=devices)
        return False
    if held.state == PassState.INSTALLED:
        _update(held, devices=devices, confirmed_at=now, confirmed_by=by)
        return True
    with transaction.atomic():
        # A pass that came back waits for nothing, whatever its removal has put in the way.
        credential = _move(
            held.credential, Move.ADD, now=now, unless=Q(expires_at__lte=now), columns=reopening.OPEN
        )
        if credential is None:
            _void(WalletPass.objects.filter(pk=held.pk), now=now)
            held.state = PassState.VOIDED
            return False
        _install(held, devices=devices, by=by, now=now)
        _record(credential, Move.ADD, installed=held, actor=actor, now=now)
        held.credential = credential
    return True


def remove_from_wallet(held: WalletPass, *, devices: int, actor: str) -> bool:
    """Report: the pass is left on `devices` devices. True when none is left, and the URL works again."""
    now = timezone.now()
    if devices or held.state != PassState.INSTALLED:
        _update(held, devices=devices)
        return False
    with transaction.atomic():
        columns = reopening.columns_after_removal(held.credential.account, now=now)
        credential = _move(held.credential, Move.REMOVE, now=now, columns=columns)
        if credential is None:
            return False
        reopening.close_url(held.credential, now=now)
        WalletPass.objects.filter(pk=held.pk).update(state=PassState.REMOVED, removed_at=now, devices=0)
        held.state, held.removed_at, held.devices = PassState.REMOVED, now, 0
        _record(credential, Move.REMOVE, installed=None, actor=actor, now=now)
        held.credential = credential
    return True


def expire(credential: Credential, *, actor: str = "clock") -> bool:
    """Report: the end date has come. The sweep records what has been true at every door since that moment."""
    now = timezone.now()
    with transaction.atomic():
        moved = _move(credential, Move.EXPIRE, now=now, only=Q(expires_at__lte=now))
        if moved is None:
            return False
        _void_open_passes(moved, now=now)
        _record(moved, Move.EXPIRE, installed=None, actor=actor, now=now)
    return True


def revoke(credential: Credential, *, actor: str) -> Credential:
    """Order: withdraw it for good, from every wallet and URL. Raises `IllegalMove` when it has expired."""
    now = timezone.now()
    with transaction.atomic():
        moved = _move(credential, Move.REVOKE, now=now)
        if moved is None:
            return _already(credential, Move.REVOKE)
        _void_open_passes(moved, now=now)
        _record(moved, Move.REVOKE, installed=None, actor=actor, now=now)
    return moved


def suspend(credential: Credential, *, actor: str) -> Credential:
    """Order: hold it back, where it is, until it is resumed. Raises `IllegalMove` when it has ended."""
    now = timezone.now()
    with transaction.atomic():
        moved = _write(credential, Q(state__in=LIVE, suspended_at=None), suspended_at=now)
        if moved is None:
            return _unchanged(credential, "suspended")
        installed = moved.installed_pass
        record_for_credential(
            EventType.CREDENTIAL_SUSPENDED, moved, installed=installed, actor=actor, now=now
        )
    return moved


def resume(credential: Credential, *, actor: str) -> Credential:
    """Order: let a suspended credential work again. Raises `IllegalMove` when it has ended."""
    now = timezone.now()
    with transaction.atomic():
        moved = _write(credential, Q(state__in=LIVE, suspended_at__isnull=False), suspended_at=None)
        if moved is None:
            return _unchanged(credential, "resumed")
        installed = moved.installed_pass
        record_for_credential(EventType.CREDENTIAL_RESUMED, moved, installed=installed, actor=actor, now=now)
    return moved


def void_offers(credential: Credential, *, now: datetime, keep: int = 0) -> None:
    """Takes back the open offers of a held credential, all but the newest `keep`."""
    offers = WalletPass.objects.filter(credential=credential, state=PassState.OFFERED)
    if keep:
        newest = offers.order_by("-offered_at", "-pk").values("pk")[:keep]
        offers = offers.exclude(pk__in=list(newest.values_list("pk", flat=True)))
    _void(offers, now=now)


def _move(
    credential: Credential,
    move: Move,
    *,
    now: datetime,
    only: Q | None = None,
    unless: Q | None = None,
    columns: Mapping[str, Any] | None = None,
) -> Credential | None:
    """The gate: moves the row if it still stands where the rule begins; `None` when somebody was first."""
    rule = RULES[move]
    guard = Q(state__in=rule.sources)
    if only is not None:
        guard &= only
    if unless is not None:
        guard &= ~unless
    stamp = {rule.stamp: now} if rule.stamp else {}
    return _write(credential, guard, state=rule.target, **stamp, **(columns or {}))


def _write(credential: Credential, guard: Q, **columns: object) -> Credential | None:
    """One guarded UPDATE, counted in `sequence`: the row as it is now, or `None` when the guard did not hold.

    `UPDATE … RETURNING` answers in the same round trip (PostgreSQL; SQLite since 3.35).
    """
    rows = Credential.objects.filter(guard, pk=credential.pk)
    for moved in _returning(rows, {**columns, "sequence": F("sequence") + 1}):
        moved.person, moved.credential_type = credential.person, credential.credential_type
        return moved
    return None


def _install(held: WalletPass, *, devices: int, by: Evidence, now: datetime) -> None:
    """Makes `held` the installed pass and voids the other offers, in one statement."""
    wins = Q(pk=held.pk)
    passes = WalletPass.objects.filter(wins | Q(credential=held.credential_id, state=PassState.OFFERED))
    columns = {
        "state": Case(When(wins, then=Value(PassState.INSTALLED)), default=Value(PassState.VOIDED)),
        "installed_at": Case(When(wins, then=Value(now)), default=F("installed_at")),
        "voided_at": Case(When(wins, then=F("voided_at")), default=Value(now)),
        # Nobody has an offered pass yet.
        "devices": Case(When(wins, then=Value(devices)), default=Value(0)),
        "confirmed_at": Case(When(wins, then=Value(now)), default=F("confirmed_at")),
        "confirmed_by": Case(When(wins, then=Value(by)), default=F("confirmed_by")),
    }
    _pass_on([lost for lost in _returning(passes, columns) if lost.pk != held.pk], now=now)
    held.state, held.installed_at, held.devices = PassState.INSTALLED, now, devices
    held.confirmed_at, held.confirmed_by = now, by


def _void_open_passes(credential: Credential, *, now: datetime) -> None:
    _void(credential.wallet_passes.filter(state__in=[PassState.OFFERED, PassState.INSTALLED]), now=now)


def _void(passes: QuerySet[WalletPass], *, now: datetime) -> None:
    _pass_on(list(_returning(passes, {"state": PassState.VOIDED, "voided_at": now})), now=now)


def _pass_on(voided: Sequence[WalletPass], *, now: datetime) -> None:
    """Lets the rest of the house know, in the same transaction: a wallet may have to be told."""
    if voided:
        for recorder in _recorders(tuple(settings.VOID_RECORDERS)):
            recorder(voided, now=now)


@lru_cache(maxsize=8)
def _recorders(paths: tuple[str, ...]) -> list[Callable[..., None]]:
    return [import_string(path) for path in paths]


def _returning(rows: QuerySet[Row], columns: dict[str, Any]) -> RawQuerySet[Row]:
    """Updates `rows`, and gives them as they are now in the same round trip."""
    update = cast(UpdateQuery, rows.query.chain(UpdateQuery))
    update.add_update_values(columns)
    sql, params = update.get_compiler(connection=connection).as_sql()
    return rows.model._default_manager.raw(f"{sql} RETURNING *", params)


def _update(held: WalletPass, **columns: object) -> None:
    """Writes what differs; most reports only repeat what is known."""
    changed = {name: value for name, value in columns.items() if getattr(held, name) != value}
    if changed:
        WalletPass.objects.filter(pk=held.pk).update(**changed)
        for name, value in changed.items():
            setattr(held, name, value)


def _record(
    credential: Credential, move: Move, *, installed: WalletPass | None, actor: str, now: datetime
) -> None:
    record_for_credential(_EVENT_OF[move], credential, installed=installed, actor=actor, now=now)


def _already(credential: Credential, move: Move) -> Credential:
    """The row when an order finds its work done; refused when it ended another way."""
    now = Credential.objects.with_installed_pass().get(pk=credential.pk)
    if now.state == RULES[move].target:
        return now
    is_now, wanted = now.get_state_display().lower(), RULES[move].target.label.lower()
    raise IllegalMove(f"A credential that is {is_now} cannot be {wanted}.")


def _unchanged(credential: Credential, wanted: str) -> Credential:
    now = Credential.objects.with_installed_pass().get(pk=credential.pk)
    if now.state in LIVE:
        return now
    raise IllegalMove(f"A credential that is {now.get_state_display().lower()} cannot be {wanted}.")

"""Turns: twenty a second for an issuer, whoever asks; people before the work in the background."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from credentials.models import Account
from redemption.google import quota
from redemption.google.errors import OverQuota
from redemption.google.quota import BACKGROUND_INTERVAL, INTERVAL, Turn, next_turn
from redemption.google.rest import Google
from redemption.models import GoogleIssuer
from tests import factories
from tests.credentials.simultaneous import at_once
from tests.fakes.google import FakeGoogle

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was slept, in seconds, without the time passing."""
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)
    return naps


def booked(issuer: GoogleIssuer, *, ahead: timedelta) -> None:
    """Others have taken all turns for so long."""
    GoogleIssuer.objects.filter(pk=issuer.pk).update(next_request_at=timezone.now() + ahead)


def booked_until(issuer: GoogleIssuer) -> datetime:
    issuer.refresh_from_db()
    assert issuer.next_request_at is not None
    return issuer.next_request_at


# --- The rule -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "turn"),
    [
        (None, Turn(timedelta(), is_booked=True)),
        (NOW - SECOND, Turn(timedelta(), is_booked=True)),
        (NOW + SECOND, Turn(SECOND, is_booked=True)),
        (NOW + 3 * SECOND, Turn(3 * SECOND, is_booked=False)),
        (NOW + timedelta(hours=1), Turn(timedelta(), is_booked=True)),
    ],
    ids=["never used", "free", "soon", "too late", "by a clock that was wrong"],
)
def test_the_next_turn_is_after_those_that_are_taken(until: datetime | None, turn: Turn) -> None:
    assert next_turn(until, now=NOW, patience=2 * SECOND) == turn


@settings(max_examples=30)
@given(st.lists(st.integers(0, 400), min_size=50, max_size=150))
def test_no_second_ever_holds_more_than_twenty(pauses: list[int]) -> None:
    now, until, sent = NOW, None, []
    for pause in pauses:
        now += timedelta(milliseconds=pause / 10)
        turn = next_turn(until, now=now, patience=quota.PATIENCE)
        if turn.is_booked:
            sent.append(now + turn.wait)
            until = now + turn.wait + INTERVAL
    assert len(sent) > 20
    assert all(after - before >= SECOND for before, after in zip(sent, sent[20:], strict=False))


# --- Taking turns -----------------------------------------------------------------------------------------


def test_somebody_who_waits_gets_the_next_turn(issuer: GoogleIssuer, slept: list[float]) -> None:
    quota.interactive(issuer)
    assert slept == [0]
    booked(issuer, ahead=SECOND)
    before = booked_until(issuer)
    quota.interactive(issuer)
    assert 0.5 < slept[1] <= 1
    assert booked_until(issuer) - before == INTERVAL


def test_nobody_waits_longer_than_a_page_may_take(issuer: GoogleIssuer, slept: list[float]) -> None:
    booked(issuer, ahead=10 * SECOND)
    before = booked_until(issuer)
    with pytest.raises(OverQuota) as caught:
        quota.interactive(issuer)
    assert caught.value.retry_after is not None
    assert 9 * SECOND < caught.value.retry_after <= 10 * SECOND
    assert slept == []
    assert booked_until(issuer) == before


def test_the_background_takes_no_turn_that_others_wait_for(
    issuer: GoogleIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked(issuer, ahead=2 * SECOND)
    before, naps = booked_until(issuer), []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        assert booked_until(issuer) == before or len(naps) > 1, "it has queued"
        booked(issuer, ahead=timedelta())

    monkeypatch.setattr(time, "sleep", nap)
    quota.background(issuer)
    assert len(naps) == 2
    assert naps[0] > 1
    assert naps[1] < BACKGROUND_INTERVAL.total_seconds()


def test_the_background_leaves_room(issuer: GoogleIssuer, slept: list[float]) -> None:
    booked(issuer, ahead=timedelta(milliseconds=40))
    before = booked_until(issuer)
    quota.background(issuer)
    assert booked_until(issuer) - before >= BACKGROUND_INTERVAL
    assert slept[0] <= 0.04


def test_the_background_queues_when_politeness_gets_it_nowhere(
    issuer: GoogleIssuer, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "POLITE_FOR", timedelta())
    booked(issuer, ahead=10 * SECOND)
    before = booked_until(issuer)
    quota.background(issuer)
    assert slept[0] > 9
    assert booked_until(issuer) - before == BACKGROUND_INTERVAL


def test_the_background_gives_up_in_the_end(
    issuer: GoogleIssuer, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "POLITE_FOR", timedelta())
    monkeypatch.setattr(quota, "BACKGROUND_PATIENCE", 15 * SECOND)
    booked(issuer, ahead=15 * SECOND + BACKGROUND_INTERVAL / 2)
    with pytest.raises(OverQuota):
        quota.background(issuer)
    assert slept == []


def test_issuers_do_not_wait_for_each_other(
    issuer: GoogleIssuer, globex: Account, slept: list[float]
) -> None:
    booked(issuer, ahead=10 * SECOND)
    quota.interactive(factories.google_issuer(globex))
    assert slept == [0]


def test_every_request_asks_for_its_turn(issuer: GoogleIssuer, google: FakeGoogle) -> None:
    taken: list[GoogleIssuer] = []
    api = Google(issuer, take_turn=taken.append)
    api.put_class({"id": f"{issuer.issuer_id}.class"})
    api.put_class({"id": f"{issuer.issuer_id}.class"})
    assert len(taken) == len(google.asked("rest")) == 3
    booked(issuer, ahead=10 * SECOND)
    with pytest.raises(OverQuota):
        Google(issuer).list_classes()
    assert len(google.asked("rest")) == 3


@pytest.mark.django_db(transaction=True)
def test_many_at_once_keep_to_the_limit_of_all(issuer: GoogleIssuer, google: FakeGoogle) -> None:
    """The fake counts as well, and would refuse."""

    def ask(take_turn: Callable[[GoogleIssuer], None], times: int) -> None:
        own = GoogleIssuer.objects.get(pk=issuer.pk)
        for _ in range(times):
            Google(own, take_turn=take_turn).list_classes()

    jobs = [lambda: ask(quota.interactive, 4)] * 4 + [lambda: ask(quota.background, 4)] * 4
    began, clock = time.perf_counter(), timezone.now()
    assert at_once(jobs) == [None] * 8
    assert booked_until(issuer) - clock >= 32 * INTERVAL
    arrivals = sorted(request.at - began for request in google.asked("rest"))
    assert len(arrivals) == 32
    # A request may be late, but never before its turn.
    early = [at for turn, at in enumerate(arrivals) if at < turn * INTERVAL.total_seconds() - 0.01]
    assert early == []

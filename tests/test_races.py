"""Races, run for real: threads with connections of their own, on PostgreSQL and on SQLite."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from credentials import lifecycle, tokens
from credentials.models import Account, Credential, Event, WalletPass
from credentials.states import PassState, State, Wallet
from redemption import claims, offers
from redemption.google import patches, root_keys, settling
from redemption.models import AppleIdentity, GoogleIssuer
from tests import factories
from tests.fakes.android import AndroidPhone
from tests.fakes.google import FakeGoogle
from tests.fakes.pki import PASS_TYPE

pytestmark = pytest.mark.django_db(transaction=True)

# PostgreSQL gives out 100 connections by default, and other tests run beside this one.
THREADS = 25


Race = Callable[[Sequence[Callable[[], object]]], list[object]]


@pytest.fixture
def race() -> Iterator[Race]:
    """Runs jobs in threads that start in the same moment, and keep their connections to the database."""
    with ThreadPoolExecutor(THREADS) as pool:

        def at_once(jobs: Sequence[Callable[[], object]]) -> list[object]:
            start = threading.Barrier(min(THREADS, len(jobs)))
            return list(pool.map(partial(_run, start), jobs))

        yield at_once
        at_once([_disconnect] * THREADS)


def _disconnect() -> None:
    connection.close()


def _run(start: threading.Barrier, job: Callable[[], object]) -> object:
    # Those that find no thread free at first start as soon as one is.
    with suppress(threading.BrokenBarrierError):
        if not start.broken:
            start.wait(timeout=5)
            start.abort()
    return job()


def claim(url_token: str) -> int:
    return Client(raise_request_exception=False).post(f"/passes/{url_token}/apple").status_code


def register(url_token: str, *, serial_number: str, device: str) -> int:
    text = tokens.first_authentication_token(url_token, serial_number=serial_number)
    return (
        Client(raise_request_exception=False)
        .post(
            f"/apple/v1/devices/{device}/registrations/{PASS_TYPE}/{serial_number}",
            {"pushToken": "ab" * 32},
            content_type="application/json",
            headers={"authorization": f"ApplePass {text}"},
        )
        .status_code
    )


def report(issuer_id: str, body: bytes) -> int:
    """A message of Google's arrives, and is settled by the worker that it wakes."""
    path = f"/google/callback/{issuer_id}"
    answer = Client(raise_request_exception=False).post(path, body, content_type="application/json")
    settling.settle_due()
    return answer.status_code


def revoke(credential: Credential) -> str:
    return lifecycle.revoke(credential, actor="test").state


def open_offers(url_token: str, *, count: int) -> list[str]:
    """The serials of so many open offers, each old enough that asking again makes another."""
    serials = []
    for _ in range(count):
        serials.append(claims.claim_apple(url_token).serial_number)
        WalletPass.objects.update(offered_at=timezone.now() - timedelta(minutes=11))
    return serials


def test_many_claims_and_registrations_install_one_pass(
    acme: Account, acme_identity: AppleIdentity, race: Race
) -> None:
    many = 200 if connection.vendor == "postgresql" else 50
    credential, url = factories.credential_and_url(acme)
    token = factories.url_token(url)
    serials = open_offers(token, count=offers.MOST_OFFERS)

    def job(number: int) -> Callable[[], int]:
        if number % 2:
            return lambda: claim(token)
        return lambda: register(token, serial_number=serials[number % len(serials)], device=f"phone-{number}")

    statuses = Counter(race([job(number) for number in range(many)]))
    assert set(statuses) <= {201, 303, 409}, statuses
    assert statuses[201] == many // 2
    passes = Counter(credential.wallet_passes.values_list("state", flat=True))
    assert passes[PassState.INSTALLED] == 1
    assert set(passes) == {PassState.INSTALLED, PassState.VOIDED}
    winner = credential.wallet_passes.get(state=PassState.INSTALLED)
    # Everybody who registered the winning serial has the same pass; the others were told that theirs lost.
    assert winner.devices == many // 2 // len(serials)
    credential.refresh_from_db()
    assert credential.state == State.ADDED_TO_WALLET
    assert [event.type for event in Event.objects.filter(credential=credential)] == [
        "credential.created",
        "credential.added_to_wallet",
    ]


def test_a_revocation_is_never_lost(acme: Account, acme_identity: AppleIdentity, race: Race) -> None:
    kind = factories.credential_type(acme)
    # SQLite has one writer, and whoever waits for it sleeps: fewer rounds show the same.
    for number in range(100 if connection.vendor == "postgresql" else 30):
        credential, url = factories.credential_and_url(acme, credential_type=kind)
        token = factories.url_token(url)
        [serial] = open_offers(token, count=1)
        add = [partial(register, token, serial_number=serial, device=device) for device in ("phone", "watch")]
        order = partial(revoke, credential)
        outcomes = race([*add, order, order])
        assert outcomes == [201, 201, State.REVOKED, State.REVOKED], number
        credential = Credential.objects.get(pk=credential.pk)
        assert credential.state == State.REVOKED
        assert not credential.wallet_passes.exclude(state=PassState.VOIDED).exists()
        types = Counter(credential.events.values_list("type", flat=True))
        assert types["credential.revoked"] == 1
        assert types["credential.added_to_wallet"] <= 1
        sequences = credential.events.order_by("sequence").values_list("sequence", flat=True)
        assert list(sequences) == list(range(1, credential.sequence + 1))


def test_phone_and_watch_in_the_same_millisecond(
    acme: Account, acme_identity: AppleIdentity, race: Race
) -> None:
    for _ in range(10):
        credential, url = factories.credential_and_url(acme)
        token = factories.url_token(url)
        [serial] = open_offers(token, count=1)
        devices = ("phone", "watch", "tablet", "phone")
        statuses = race([partial(register, token, serial_number=serial, device=device) for device in devices])
        assert Counter(statuses) == Counter([200, 201, 201, 201])
        assert credential.wallet_passes.get().devices == 3


@pytest.mark.parametrize("revoked", [False, True])
def test_both_wallets_race_for_one_url(
    acme: Account,
    acme_identity: AppleIdentity,
    issuer: GoogleIssuer,
    unhurried: FakeGoogle,
    race: Race,
    *,
    revoked: bool,
) -> None:
    root_keys.refresh_due()
    kind = factories.credential_type(acme)
    with AndroidPhone(unhurried) as android:
        for number in range(40 if connection.vendor == "postgresql" else 4):
            credential, url = factories.credential_and_url(acme, credential_type=kind)
            token = factories.url_token(url)
            [serial] = open_offers(token, count=1)
            card = android.save(claims.claim_google(token))
            [message] = unhurried.callbacks.pending
            unhurried.callbacks.lose()
            add = [partial(register, token, serial_number=serial, device=one) for one in ("phone", "watch")]
            # Google sends twice what it is not sure of having said.
            jobs: list[Callable[[], object]] = [*add, *[partial(report, issuer.issuer_id, message.body)] * 2]
            outcomes = race(([partial(revoke, credential)] if revoked else []) + jobs[number % 2 :])
            assert set(outcomes) <= {200, 201, State.REVOKED}, outcomes
            patches.send_due()
            installed = list(credential.wallet_passes.filter(state=PassState.INSTALLED))
            assert len(installed) == (not revoked)
            assert credential.wallet_passes.exclude(state=PassState.VOIDED).count() == len(installed)
            is_googles = any(one.wallet == Wallet.GOOGLE for one in installed)
            assert android.card(card.object_id).is_dead != is_googles
            assert bool(android.card(card.object_id).codes) == is_googles

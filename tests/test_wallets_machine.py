"""Two phones with two wallets, reports that get lost, come twice or late: in the end all say the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from random import Random
from typing import ClassVar

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from credentials import issuing, lifecycle
from credentials.errors import IllegalMove
from credentials.models import Account, Credential, CredentialType
from credentials.states import FINAL, PassState, State
from redemption.apple.development_ca import DevelopmentCA
from redemption.models import AppleIdentity, GoogleIssuer
from tests import factories
from tests.fakes.android import SaveRefused
from tests.fakes.apns import FakeApns
from tests.fakes.google import FakeGoogle
from tests.pocket import Pocket, Reception

# Designs are kept in memory by their version, which no two examples may share.
VERSIONS = itertools.count(2)
USERS = st.sampled_from(["ada", "eve"])
RECEPTIONS: list[Reception] = ["good", "none", "doubled", "deaf"]


class Wallets(RuleBasedStateMachine):
    """One credential, its issuer, and everybody who ever got a file or a link of it."""

    files = Bundle("files")
    links = Bundle("links")

    account: ClassVar[Account]
    make_pocket: ClassVar[Callable[[], Pocket]]

    def __init__(self) -> None:
        super().__init__()
        # Nothing of one example is left for the workers of the next.
        self.before = transaction.savepoint()
        self.pocket = type(self).make_pocket().__enter__()
        kind = self.account.credential_types.get()
        self.credential, self.url = factories.credential_and_url(self.account, credential_type=kind)
        self.ended: State | None = None

    def teardown(self) -> None:
        try:
            self.pocket.come_to_rest(self._reloaded())
            self.all_say_the_same()
        finally:
            self.pocket.__exit__()
            transaction.savepoint_rollback(self.before)

    # --- The passholder -----------------------------------------------------------------------------

    @initialize(target=files)
    def download_once(self) -> bytes:
        return self.pocket.download(self.url)

    @initialize(target=links)
    def follow_once(self) -> str:
        return self.pocket.link(self.url)

    @rule(target=files)
    def download(self) -> bytes:
        self._moment()
        return self.pocket.download(self.url)

    @rule(target=links)
    def follow(self) -> str:
        self._moment()
        return self.pocket.link(self.url)

    @rule(file=files)
    def add_to_iphone(self, file: bytes) -> None:
        self._moment()
        if file:
            self.pocket.add(file)

    @rule(number=st.integers(0, 1))
    def switch_updates(self, number: int) -> None:
        self._moment()
        self.pocket.switch_updates(number)

    @rule(number=st.integers(0, 3))
    def remove_from_iphone(self, number: int) -> None:
        self._moment()
        for serial in list(self.pocket.iphone.passes)[number : number + 1]:
            self.pocket.iphone.remove(serial)

    @rule(link=links, user=USERS)
    def save_on_android(self, link: str, user: str) -> None:
        self._moment()
        if not link:
            return
        another = self.pocket.androids["eve" if user == "ada" else "ada"]
        try:
            self.pocket.androids[user].save(link)
        except SaveRefused:
            assert another.cards

    @rule(user=USERS, number=st.integers(0, 3))
    def remove_from_android(self, user: str, number: int) -> None:
        self._moment()
        phone = self.pocket.androids[user]
        for card in phone.cards[number : number + 1]:
            phone.remove(card.object_id)

    # --- What lies between --------------------------------------------------------------------------

    @rule(reception=st.sampled_from(RECEPTIONS))
    def change_reception(self, reception: Reception) -> None:
        self.pocket.line.reception = reception

    @rule(seed=st.integers(0, 99), twice=st.booleans(), count=st.integers(1, 4))
    def let_callbacks_arrive(self, *, seed: int, twice: bool, count: int) -> None:
        callbacks = self.pocket.google.callbacks
        if twice:
            callbacks.double()
        Random(seed).shuffle(callbacks.pending)  # noqa: S311 - an order, and no secret
        late = callbacks.pending[count:]
        del callbacks.pending[count:]
        # What comes after its time is refused, and stays.
        assert set(callbacks.deliver()) <= {200, 400}
        callbacks.pending += late

    @rule()
    def lose_callbacks(self) -> None:
        self.pocket.google.callbacks.lose()

    @rule(lags=st.booleans())
    def let_google_lag_behind(self, *, lags: bool) -> None:
        resources = self.pocket.google.resources
        resources.has_users_lags = lags
        if not lags:
            resources.catch_up()

    @rule(minutes=st.sampled_from([1, 5, 30]))
    def wait_and_work(self, minutes: int) -> None:
        self.pocket.wait(timedelta(minutes=minutes))
        self.pocket.work(self._reloaded())

    # --- The issuer ---------------------------------------------------------------------------------

    @rule(verb=st.sampled_from([lifecycle.suspend, lifecycle.resume, lifecycle.suspend]))
    def hold_back_or_let_go(self, verb: Callable[..., Credential]) -> None:
        self._moment()
        try:
            verb(self._reloaded(), actor="test")
        except IllegalMove:
            assert self.ended

    @rule()
    def renew_the_url(self) -> None:
        self._moment()
        try:
            _, self.url = issuing.renew_url(self._reloaded(), actor="test")
        except IllegalMove:
            assert self.ended

    @rule()
    def change_the_design(self) -> None:
        self._moment()
        version = next(VERSIONS)
        CredentialType.objects.update(version=version, background_color=f"#{version % 0x1000000:06x}")

    @rule(revoked=st.booleans())
    def end(self, *, revoked: bool) -> None:
        self._moment()
        if self.ended:
            return
        if revoked:
            lifecycle.revoke(self._reloaded(), actor="test")
            self.ended = State.REVOKED
        else:
            # It binds at once; the sweep that records it comes with the work.
            Credential.objects.filter(pk=self.credential.pk).update(expires_at=timezone.now())
            self.ended = State.EXPIRED

    # --- What must be true --------------------------------------------------------------------------

    @invariant()
    def at_most_one_is_installed(self) -> None:
        states = list(self.credential.wallet_passes.values_list("state", flat=True))
        is_added = self._reloaded().state == State.ADDED_TO_WALLET
        assert states.count(PassState.INSTALLED) == is_added

    def all_say_the_same(self) -> None:
        """What is installed is what the phones have, alive if it may be; whatever else they have is dead."""
        credential, cards = self._reloaded(), self.pocket.cards()
        installed = {one.serial_number for one in credential.wallet_passes.filter(state=PassState.INSTALLED)}
        assert installed <= set(cards)
        alive = {serial for serial, is_alive in cards.items() if is_alive}
        assert alive == (set() if credential.suspended_at else installed)
        if self.ended:
            assert credential.state == self.ended
        else:
            assert credential.state not in FINAL

    def _moment(self) -> None:
        # Two changes in one second are told apart elsewhere; here one thing happens after another.
        self.pocket.wait(timedelta(seconds=2))

    def _reloaded(self) -> Credential:
        return Credential.objects.select_related("person", "credential_type").get(pk=self.credential.pk)


# In two halves, which run side by side; on SQLite all of them, on PostgreSQL enough to see it behaves alike.
@pytest.mark.parametrize("examples", [40, 41] if connection.vendor == "sqlite" else [10, 11])
def test_in_the_end_all_say_the_same(
    acme: Account,
    acme_identity: AppleIdentity,
    issuer: GoogleIssuer,
    ca: DevelopmentCA,
    apns: FakeApns,
    unhurried: FakeGoogle,
    examples: int,
) -> None:
    # What is made once and kept in memory must be there before the first example begins.
    kind = factories.credential_type(acme)
    factories.wallet_pass(factories.credential(acme, credential_type=kind))

    class Here(Wallets):
        account = acme
        make_pocket = partial(Pocket, root_pem=ca.root.pem, apns=apns, google=unhurried)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )

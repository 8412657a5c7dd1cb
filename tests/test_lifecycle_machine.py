"""Two phones, two wallets and the issuer do what they like, in any order; the invariants hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import RequestFactory
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

from credentials import issuing, lifecycle, tokens
from credentials.errors import Conflict, Gone, IllegalMove
from credentials.models import Account, Credential, WalletPass
from credentials.states import FINAL, Evidence, PassState, State, Wallet
from redemption import access, claims
from redemption.apple import web_service
from redemption.models import AppleIdentity
from tests import factories
from tests.fakes.pki import PASS_TYPE

Order = Callable[..., Credential]
PHONES = st.sampled_from(["phone-one", "phone-two"])


class Lifecycle(RuleBasedStateMachine):
    """One credential; a phone may report whatever it once downloaded, as late and as often as it likes."""

    passes = Bundle("passes")

    def __init__(self) -> None:
        super().__init__()
        account = Account.objects.get(slug="acme")
        kind = account.credential_types.get()
        self.credential, url = factories.credential_and_url(account, credential_type=kind)
        self.url_token = factories.url_token(url)
        self.ended: State | None = None

    # --- the passholder ---

    @initialize(target=passes, wallet=st.sampled_from(Wallet))
    def claim_once(self, wallet: Wallet) -> tuple[int, str]:
        """Every story begins with somebody who opened the URL."""
        return self.claim_now(wallet)

    @rule(target=passes, wallet=st.sampled_from(Wallet))
    def claim(self, wallet: Wallet) -> tuple[int, str]:
        return self.claim_now(wallet)

    def claim_now(self, wallet: Wallet) -> tuple[int, str]:
        try:
            apple = wallet == Wallet.APPLE
            offer = claims.claim_apple(self.url_token) if apple else self._claim_google()
        except (Conflict, Gone):
            self._reload()
            now = timezone.now()
            held_back = self.credential.is_suspended(now) or self.credential.has_expired(now)
            assert held_back or self.ended or self.credential.state == State.ADDED_TO_WALLET
            return (0, "")
        # The URL may be replaced later; the file that was downloaded now keeps its token.
        serial = offer.serial_number
        return (offer.pk, tokens.first_authentication_token(self.url_token, serial_number=serial))

    def _claim_google(self) -> WalletPass:
        with transaction.atomic():
            access.claimable(self.url_token)
            return factories.wallet_pass(self.credential, wallet=Wallet.GOOGLE)

    # --- the wallets: reports never fail ---

    @rule(downloaded=passes, phone=PHONES)
    def add(self, downloaded: tuple[int, str], phone: str) -> None:
        self._report(*downloaded, phone=phone, added=True)

    @rule(downloaded=passes, phone=PHONES)
    def remove(self, downloaded: tuple[int, str], phone: str) -> None:
        self._report(*downloaded, phone=phone, added=False)

    def _report(self, pk: int, text: str, *, phone: str, added: bool) -> None:
        if not pk:
            return
        wallet_pass = WalletPass.objects.get(pk=pk)
        if wallet_pass.wallet == Wallet.GOOGLE:
            with transaction.atomic():
                held = WalletPass.objects.held().get(pk=pk)
                if added:
                    lifecycle.add_to_wallet(held, devices=1, by=Evidence.CALLBACK, actor="google")
                else:
                    lifecycle.remove_from_wallet(held, devices=0, actor="google")
            return
        path = f"/apple/v1/devices/{phone}/registrations/{PASS_TYPE}/{wallet_pass.serial_number}"
        headers = {"authorization": f"ApplePass {text}"}
        factory = RequestFactory()
        if added:
            body = {"pushToken": "ab" * 32}
            request = factory.post(path, body, content_type="application/json", headers=headers)
        else:
            request = factory.delete(path, headers=headers)
        answer = web_service.registration(
            request, device=phone, pass_type=PASS_TYPE, serial_number=wallet_pass.serial_number
        )
        assert answer.status_code in (200, 201)

    # --- the issuer: orders are done, already done, or refused ---

    @rule(order=st.sampled_from([lifecycle.suspend, lifecycle.resume]))
    def hold_back_or_let_go(self, order: Order) -> None:
        self._order(order)

    @rule()
    def renew_url(self) -> None:
        try:
            _, url = issuing.renew_url(self.credential, actor="test")
        except IllegalMove:
            self._reload()
            assert self.ended or self.credential.has_expired(timezone.now())
            return
        self.url_token = factories.url_token(url)

    def _order(self, verb: Order, *, ended_by: State | None = None) -> None:
        try:
            verb(self.credential, actor="test")
        except IllegalMove:
            assert self.ended is not None
            return
        assert self.ended in (None, State.REVOKED if ended_by else None)
        self.ended = self.ended or ended_by

    # --- the end, and what comes after it ---

    @rule(how=st.sampled_from(["revoked", "expired", "expired, and not recorded yet"]))
    def end(self, how: str) -> None:
        if how == "revoked":
            self._order(lifecycle.revoke, ended_by=State.REVOKED)
        else:
            self._pass_the_end_date(late=how != "expired")

    def _pass_the_end_date(self, *, late: bool) -> None:
        """The date binds at once; the sweep that records it may come later."""
        past = timezone.now() - timedelta(seconds=1)
        Credential.objects.filter(pk=self.credential.pk).update(expires_at=past)
        if not late:
            lifecycle.expire(self.credential)
            self.ended = self.ended or State.EXPIRED

    @rule()
    def let_offers_grow_old(self) -> None:
        self.credential.wallet_passes.update(offered_at=timezone.now() - timedelta(minutes=11))

    # --- what must be true at all times ---

    @invariant()
    def the_promises_are_kept(self) -> None:
        self._reload()
        states = list(self.credential.wallet_passes.values_list("state", flat=True))
        self._one_wallet(states)
        self._ended_stays_ended(states)
        self._every_change_has_its_event()

    def _one_wallet(self, states: list[str]) -> None:
        assert states.count(PassState.INSTALLED) == (self.credential.state == State.ADDED_TO_WALLET)

    def _ended_stays_ended(self, states: list[str]) -> None:
        if self.ended:
            assert self.credential.state == self.ended
            assert not {PassState.OFFERED, PassState.INSTALLED} & set(states)
        else:
            assert self.credential.state not in FINAL

    def _every_change_has_its_event(self) -> None:
        sequences = list(self.credential.events.order_by("sequence").values_list("sequence", flat=True))
        assert sequences == list(range(1, self.credential.sequence + 1))

    def _reload(self) -> None:
        self.credential = Credential.objects.get(pk=self.credential.pk)


# In two halves, which run side by side; on SQLite all of them, on PostgreSQL enough to see it behaves alike.
@pytest.mark.parametrize("examples", [250, 251] if connection.vendor == "sqlite" else [50, 51])
def test_the_invariants_hold_whatever_happens(
    acme: Account, acme_identity: AppleIdentity, examples: int
) -> None:
    factories.credential_type(acme)
    run_state_machine_as_test(
        Lifecycle,
        settings=settings(
            max_examples=examples,
            stateful_step_count=8,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )

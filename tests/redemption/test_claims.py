"""Claims: the same offer while it is fresh, few of them open, and nothing promised that cannot be signed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from credentials import issuing, tokens
from credentials.errors import Conflict, Unavailable
from credentials.models import Account, Credential, CredentialType, WalletPass
from credentials.states import PassState
from credentials.values import current_value_key
from redemption import claims, offers
from redemption.models import AppleAuthenticationToken, AppleIdentity, ApplePass
from tests import factories

NOON = datetime(2026, 6, 1, 12, 0, 0, 987_654, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """It is a little after noon."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def token(acme: Account, acme_identity: AppleIdentity) -> str:
    """The secret of a URL that is ready to be claimed."""
    return factories.url_token(factories.credential_and_url(acme)[1])


def states() -> list[str]:
    return list(WalletPass.objects.order_by("id").values_list("state", flat=True))


def test_a_claim_makes_an_offer_with_all_that_its_file_needs(
    acme: Account, acme_identity: AppleIdentity, token: str
) -> None:
    offer = claims.claim_apple(token)
    offer.refresh_from_db()
    assert (offer.state, offer.wallet, offer.devices, offer.offered_at) == ("offered", "apple", 0, NOON)
    assert offer.value_key == current_value_key(acme)
    apple_pass = ApplePass.objects.get()
    assert (apple_pass.wallet_pass, apple_pass.pass_type) == (offer, acme_identity.pass_type)
    # Devices echo this time, and HTTP writes no fractions.
    assert apple_pass.modified_at == NOON.replace(microsecond=0)
    assert apple_pass.update_tag is None


def test_of_the_first_token_a_digest_is_kept(token: str) -> None:
    offer = claims.claim_apple(token)
    row = AppleAuthenticationToken.objects.get()
    first = tokens.first_authentication_token(token, serial_number=offer.serial_number)
    assert bytes(row.digest) == tokens.digest(first)
    assert row.generation == 0


def test_asking_again_gives_the_same_offer_for_ten_minutes(token: str, clock: time_machine.Traveller) -> None:
    first = claims.claim_apple(token)
    clock.shift(timedelta(minutes=10) - INSTANT)
    assert claims.claim_apple(token.upper()) == first
    clock.shift(INSTANT)
    second = claims.claim_apple(token)
    assert second != first
    assert second.serial_number != first.serial_number
    assert states() == ["offered", "offered"]


def test_an_offer_is_fresh_for_ten_minutes_unless_it_became_something_else() -> None:
    offer = WalletPass(state=PassState.OFFERED, offered_at=NOON)
    assert offers.is_fresh(offer, now=NOON)
    assert offers.is_fresh(offer, now=NOON + timedelta(minutes=10) - INSTANT)
    assert not offers.is_fresh(offer, now=NOON + timedelta(minutes=10))
    for state in set(PassState) - {PassState.OFFERED}:
        taken = WalletPass(state=state, offered_at=NOON)
        assert not offers.is_fresh(taken, now=NOON)


def test_at_most_five_offers_are_open_and_the_oldest_go(token: str, clock: time_machine.Traveller) -> None:
    for _ in range(7):
        claims.claim_apple(token)
        clock.shift(timedelta(minutes=10))
    assert states() == ["voided"] * 2 + ["offered"] * 5


def test_offers_of_others_do_not_count(token: str, globex: Account, globex_identity: AppleIdentity) -> None:
    theirs = factories.url_token(factories.credential_and_url(globex)[1])
    offers = [claims.claim_apple(secret) for secret in (token, theirs)]
    names = [offer.apple.pass_type for offer in offers]
    assert names[1] == globex_identity.pass_type != names[0]


def test_after_a_new_url_a_claim_begins_anew(token: str) -> None:
    offer = claims.claim_apple(token)
    _, url = issuing.renew_url(Credential.objects.get(), actor="test")
    assert claims.claim_apple(factories.url_token(url)) != offer
    assert states() == ["voided", "offered"]


def test_a_design_without_apple_cannot_be_claimed_for_it(token: str) -> None:
    CredentialType.objects.update(apple_enabled=False)
    with pytest.raises(Conflict):
        claims.claim_apple(token)
    assert states() == []


def test_without_a_certificate_nothing_is_promised(token: str) -> None:
    AppleIdentity.objects.update(not_after=NOON)
    with pytest.raises(Unavailable):
        claims.claim_apple(token)
    assert states() == []
    assert not AppleAuthenticationToken.objects.exists()


def test_a_certificate_of_another_account_does_not_help(
    acme: Account, globex_identity: AppleIdentity
) -> None:
    with pytest.raises(Unavailable):
        claims.claim_apple(factories.url_token(factories.credential_and_url(acme)[1]))
    assert states() == []

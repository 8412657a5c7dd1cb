"""Cards of Acme's at the fake Google, at a time that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from credentials.models import Account
from redemption.google.rest import Google
from redemption.models import GoogleIssuer
from tests.fakes.google import FakeGoogle
from tests.redemption.google.asking import api_of
from tests.redemption.google.cards import Card, claimed

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """It is NOW, until the test moves it; what follows is made then."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def card(clock: time_machine.Traveller, acme: Account, issuer: GoogleIssuer, google: FakeGoogle) -> Card:
    """A card that was just claimed."""
    google.root_keys = google.signer.root_keys(expires_in=365 * 86_400)
    return claimed(acme, issuer, google)


@pytest.fixture
def api(issuer: GoogleIssuer, google: FakeGoogle) -> Google:
    """Google as Acme's issuer may use it."""
    google.quota = None
    return api_of(issuer)

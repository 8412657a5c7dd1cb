"""Two accounts in every test that touches one, and the ground they stand on."""

from __future__ import annotations

import pytest

from credentials.models import Account
from tests import factories


@pytest.fixture
def acme(db: None) -> Account:
    """The account that a test is about."""
    return factories.account(slug="acme", name="Acme Gym")


@pytest.fixture
def globex(db: None) -> Account:
    """The neighbour who must never see or touch anything of Acme's."""
    return factories.account(slug="globex", name="Globex Club")

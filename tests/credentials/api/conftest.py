"""Two integrators: one of Acme, whom a test is about, and one of Globex, who must see nothing of it."""

from __future__ import annotations

import pytest

from credentials.models import Account
from tests.callers import Caller


@pytest.fixture
def caller(acme: Account) -> Caller:
    return Caller.of(acme)


@pytest.fixture
def stranger(globex: Account) -> Caller:
    return Caller.of(globex)

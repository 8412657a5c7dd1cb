"""Keys are slow to make, so all tests of passes share one development CA and what it issued."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from credentials.models import Account
from redemption.apple.development_ca import (
    DevelopmentCA,
    IssuedCertificate,
)
from redemption.apple.pass_content import PreparedDesign, prepare
from redemption.apple.signing import SigningIdentity
from tests.redemption.apple import passes
from tests.redemption.apple.claimed import Claimed, claim


@pytest.fixture(scope="session")
def identity(ca: DevelopmentCA, issued: IssuedCertificate) -> SigningIdentity:
    """The good certificate, loaded to sign."""
    return SigningIdentity.load(issued.certificate_pem, issued.key_pem, ca.wwdr.pem)


@pytest.fixture(scope="session")
def prepared() -> PreparedDesign:
    """A design with some of everything, ready for passes."""
    return prepare(passes.design())


@pytest.fixture
def now() -> datetime:
    """A moment at which everything here is valid."""
    return datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def openssl() -> str:
    """The openssl of this machine, a reader that we did not write."""
    path = shutil.which("openssl")
    if path is None:
        pytest.skip("openssl is not installed, it is needed for a second opinion")
    return path


@pytest.fixture
def claimed(acme: Account, acme_identity: object) -> Claimed:
    return claim(acme)

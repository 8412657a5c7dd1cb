"""Keys are slow to make, so all tests of passes share one development CA and what it issued."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from redemption.apple.development_ca import (
    DevelopmentCA,
    IssuedCertificate,
    create_development_ca,
    issue_pass_certificate,
)
from redemption.apple.pass_content import PreparedDesign, prepare
from redemption.apple.signing import SigningIdentity
from tests.fakes import pki
from tests.redemption.apple import passes


@pytest.fixture(scope="session")
def ca() -> DevelopmentCA:
    """A root and an intermediate as Apple has them."""
    return create_development_ca(validity=pki.ALWAYS)


@pytest.fixture(scope="session")
def issued(ca: DevelopmentCA) -> IssuedCertificate:
    """A good pass type certificate."""
    return issue_pass_certificate(ca, pki.PASS_TYPE, team_identifier=pki.TEAM, validity=pki.ALWAYS)


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

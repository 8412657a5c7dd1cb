"""A web service that does everything right, and phones that know when it does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes import small_web_service
from tests.fakes.passd import Phone
from tests.fakes.small_web_service import WebService


@pytest.fixture
def service() -> Iterator[WebService]:
    """The web service, on loopback."""
    with small_web_service.running() as service:
        yield service


@pytest.fixture
def phone() -> Iterator[Phone]:
    """A phone that stops the test when it has a complaint."""
    with Phone("iPhone", verify=small_web_service.read) as phone:
        yield phone


@pytest.fixture
def patient() -> Iterator[Phone]:
    """A phone that only notes its complaints, so that the test can go on."""
    with Phone("patient iPhone", verify=small_web_service.read, strict=False) as phone:
        yield phone

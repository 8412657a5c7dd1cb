"""Receivers on loopback, which is opened for them on purpose, and endpoints that lead there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from credentials.models import Account
from tests.webhooks.callers import Caller
from tests.webhooks.certificates import Certificates
from tests.webhooks.receivers import Hook, Receiver, hook_to, listening
from webhooks import resolver


@pytest.fixture(autouse=True)
def no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is looked up beyond this machine: nobody listens there."""
    monkeypatch.setitem(resolver.OPTIONS, "nameservers", ["127.0.0.1:9"])


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.create(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def open_loopback(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def receiver(open_loopback: None) -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


@pytest.fixture
def hook(acme: Account, receiver: Receiver) -> Hook:
    """Acme's endpoint for every type of event, and the receiver behind it."""
    return hook_to(receiver, account=acme)


@pytest.fixture
def caller(acme: Account) -> Caller:
    """Acme's integrator."""
    return Caller.of(acme)

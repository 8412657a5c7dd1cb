"""Two accounts in every test that touches one, and the ground they stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from credentials.models import Account
from redemption import pictures, shells
from redemption.apple import push
from redemption.apple.certificates import PassCertificate, read_pem
from redemption.apple.development_ca import (
    DevelopmentCA,
    IssuedCertificate,
    create_development_ca,
    pass_type_extensions,
    pass_type_name,
)
from redemption.apple.identities import import_identity, store_identity
from redemption.google import quota
from redemption.google.issuers import import_issuer
from redemption.models import AppleIdentity, GoogleIssuer
from tests import factories
from tests.apple_pass_checker import CheckedPass, check
from tests.counters import begin_anew
from tests.fakes import pki
from tests.fakes.android import AndroidPhone
from tests.fakes.apns import FakeApns
from tests.fakes.google import FakeGoogle
from tests.fakes.google_accounts import ServiceAccount
from tests.fakes.passd import Phone
from tests.webhooks.receivers import hook_to, listening
from tests.world import World


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    tmp_path_factory: pytest.TempPathFactory, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """SQLite in a file, as operators have it: threads and processes get connections of their own."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
        database["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"


@pytest.fixture(autouse=True)
def unlimited(settings: Settings) -> None:
    """Tests may do things often."""
    settings.RATE_LIMITS_ON = False


@pytest.fixture(autouse=True)
def redrawn() -> None:
    """Pages are drawn anew: tests give the primary keys of others to designs of their own."""
    for kept in (shells.shell, pictures._design, pictures.image):
        kept.cache_clear()


@pytest.fixture
def limited(unlimited: None, settings: Settings) -> None:
    """The limits hold, with counters of this test's own."""
    settings.RATE_LIMITS_ON = True
    begin_anew(settings)


@pytest.fixture
def acme(db: None) -> Account:
    """The account that a test is about."""
    return factories.account(slug="acme", name="Acme Gym")


@pytest.fixture
def globex(db: None) -> Account:
    """The neighbour who must never see or touch anything of Acme's."""
    return factories.account(slug="globex", name="Globex Club")


@pytest.fixture(scope="session")
def ca() -> DevelopmentCA:
    """A root and an intermediate as Apple has them."""
    return create_development_ca(validity=pki.ALWAYS)


@pytest.fixture(scope="session")
def issued(ca: DevelopmentCA) -> IssuedCertificate:
    """A good pass type certificate; keys are slow to make, so all tests share it."""
    return pki.issue(ca)


@pytest.fixture(scope="session")
def checked(ca: DevelopmentCA, issued: IssuedCertificate) -> PassCertificate:
    """Acme's certificate as an import finds it; checking its key takes OpenSSL a while."""
    return read_pem(issued.certificate_pem, key=issued.key_pem, wwdr=ca.wwdr.pem, now=timezone.now())


@pytest.fixture
def acme_identity(acme: Account, checked: PassCertificate) -> AppleIdentity:
    """The certificate that Acme's passes are signed with."""
    return store_identity(acme, checked, actor="test")


@pytest.fixture(scope="session")
def globex_issued(ca: DevelopmentCA) -> IssuedCertificate:
    """A good certificate for another pass type."""
    name = "pass.com.example.globex"
    return pki.issue(
        ca,
        subject=pass_type_name(name, team_identifier=pki.TEAM),
        extensions=pass_type_extensions(name, nfc=False),
    )


@pytest.fixture
def globex_identity(globex: Account, ca: DevelopmentCA, globex_issued: IssuedCertificate) -> AppleIdentity:
    """The certificate that Globex's passes are signed with."""
    made = globex_issued
    return import_identity(
        globex, certificate=made.certificate_pem, key=made.key_pem, wwdr=ca.wwdr.pem, actor="test"
    )


@pytest.fixture
def apns(ca: DevelopmentCA, settings: Settings, tmp_path: Path) -> Iterator[FakeApns]:
    """Apple's push service, to which this test's pushes go."""
    with FakeApns(client_ca_pem=ca.wwdr.pem + ca.root.pem) as fake:
        trusted = tmp_path / "apns.pem"
        trusted.write_bytes(fake.ca_pem)
        settings.APNS_URL, settings.APNS_CA = fake.url, str(trusted)
        yield fake
        push.close_connections()


@pytest.fixture
def google(settings: Settings) -> Iterator[FakeGoogle]:
    """Google, to which all that this test says to Google goes."""
    with FakeGoogle() as fake:
        settings.GOOGLE_API_URL, settings.GOOGLE_SAVE_URL = fake.api_url, fake.save_url
        settings.GOOGLE_ROOT_KEYS_URL = fake.root_keys_url
        yield fake


@pytest.fixture
def service_account(google: FakeGoogle) -> ServiceAccount:
    """Acme's service account, invited by its issuer."""
    return google.open_account("3388000000022000001")


@pytest.fixture
def issuer(acme: Account, service_account: ServiceAccount) -> GoogleIssuer:
    """Acme's issuer at Google."""
    return import_issuer(
        acme, issuer_id="3388000000022000001", service_account=service_account.file(), actor="test"
    )


@pytest.fixture
def unhurried(google: FakeGoogle, monkeypatch: pytest.MonkeyPatch) -> FakeGoogle:
    """Google without its quota, for which the whole house would wait in real time."""
    google.quota = None
    for interval in ("INTERVAL", "BACKGROUND_INTERVAL"):
        monkeypatch.setattr(quota, interval, timedelta())
    return google


@pytest.fixture
def read(ca: DevelopmentCA) -> Callable[[bytes], dict[str, Any]]:
    """The pass.json of a file that a device would accept."""
    return lambda content: check(content, root_pem=ca.root.pem, now=timezone.now()).pass_json


@pytest.fixture
def world(
    live_server: LiveServer,
    settings: Settings,
    acme: Account,
    acme_identity: AppleIdentity,
    ca: DevelopmentCA,
    apns: FakeApns,
    issuer: GoogleIssuer,
    google: FakeGoogle,
) -> Iterator[World]:
    """A running server, and everybody who talks to it."""
    settings.BASE_URL = live_server.url
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    factories.credential_type(acme, slug="membership")
    api = httpx.Client(
        base_url=f"{live_server.url}/api/v3", headers={"authorization": f"Bearer {factories.api_key(acme)}"}
    )

    def verify(file: bytes) -> CheckedPass:
        return check(file, root_pem=ca.root.pem, now=timezone.now())

    with (
        api,
        httpx.Client(base_url=live_server.url) as browser,
        Phone("phone", verify=verify, apns=apns) as phone,
        AndroidPhone(google) as android,
        listening() as receiver,
    ):
        hook = hook_to(receiver, account=acme)
        yield World(acme, api, browser, phone, apns, android, google, hook)

"""Pictures of every page in every state, for people to look at: `make screenshots`."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from credentials import lifecycle
from credentials.models import Account, Branding, WalletPass
from credentials.models.accounts import Reopening
from redemption.models import AppleIdentity, GoogleIssuer
from tests import factories
from tests.browser.conftest import Open
from tests.browser.profiles import DESKTOP, INSTAGRAM, IPHONE, NARROW, PIXEL, Profile
from tests.redemption import standings
from tests.redemption.outfits import OUTFITS, outfit

pytestmark = [
    pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="pictures are made by `make screenshots`"),
    pytest.mark.django_db(transaction=True),
]

FOLDER = Path(settings.BASE_DIR) / "var" / "screenshots"


def closed(account: Account, policy: Reopening) -> str:
    """The path of a URL whose pass was removed, under a policy of re-opening."""
    Account.objects.filter(pk=account.pk).update(reopening=policy, reopening_pause=timedelta(hours=6))
    credential, url = factories.credential_and_url(Account.objects.get(pk=account.pk))
    standings.install(credential)
    with transaction.atomic():
        held = WalletPass.objects.held().get(credential=credential)
        lifecycle.remove_from_wallet(held, devices=0, actor="test")
    return standings.path_of(url)


STATES: dict[str, Callable[[Account], str]] = {
    **{name: path for name, (path, _) in standings.STANDINGS.items()},
    "pause": lambda account: closed(account, Reopening.AFTER_PAUSE),
    "approval": lambda account: closed(account, Reopening.APPROVAL),
    "used_up": lambda account: closed(account, Reopening.FRESH_URL),
    "unknown": lambda account: "/passes/0123456789abcdefghjkmnpqrs",
}


@pytest.fixture
def dressed(acme: Account, acme_identity: AppleIdentity) -> Account:
    """An account with both wallets and a face of its own."""
    GoogleIssuer.objects.create(account=acme, issuer_id="3388000000000000001", private_key=b"a key")
    Branding.objects.create(
        account=acme,
        accent_color="#b3261e",
        contact_email="help@acme.example",
        contact_phone="+49 30 123456",
        texts={"en": {"help": "The desk is open from 9 to 21."}},
    )
    return acme


def shoot(visit: Open, path: str, profile: Profile, name: str, **options: object) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    page = visit(path, profile, **options)
    page.screenshot(path=FOLDER / f"{name}-{profile.name}.png", full_page=True)


@pytest.mark.parametrize("state", STATES)
def test_states_on_a_phone(visit: Open, dressed: Account, state: str) -> None:
    path = STATES[state](dressed)
    shoot(visit, path, IPHONE, state)
    shoot(visit, path, IPHONE, f"{state}-dark", color_scheme="dark")


@pytest.mark.parametrize("profile", [PIXEL, DESKTOP, INSTAGRAM, NARROW], ids=lambda profile: profile.name)
def test_the_ready_page_on_other_devices(visit: Open, dressed: Account, profile: Profile) -> None:
    shoot(visit, standings.ready(dressed), profile, "ready")


@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES])
def test_languages(visit: Open, dressed: Account, language: str) -> None:
    path = standings.ready(dressed)
    shoot(visit, f"{path}?lang={language}", IPHONE, f"ready-{language}")
    shoot(visit, f"{standings.in_use(dressed)}?lang={language}", IPHONE, f"in_use-{language}")


@pytest.mark.parametrize("style", OUTFITS)
def test_styles(visit: Open, dressed: Account, style: str) -> None:
    _, url = factories.credential_and_url(dressed, credential_type=outfit(dressed, style))
    for profile in (IPHONE, DESKTOP):
        shoot(visit, standings.path_of(url), profile, style)

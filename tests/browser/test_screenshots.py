"""Pictures of every page in every state, for people to look at: `make screenshots`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.utils import timezone
from playwright.sync_api import Page
from pytest_django import Settings

from credentials.models import Account, CredentialType
from redemption.models import AppleIdentity
from tests import factories
from tests.browser.conftest import Open
from tests.browser.profiles import DESKTOP, INSTAGRAM, IPAD, IPHONE, NARROW, PIXEL, Profile
from tests.browser.test_all_pages import NOTICES
from tests.redemption import standings
from tests.redemption.outfits import OUTFITS, outfit

pytestmark = [
    pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="pictures are made by `make screenshots`"),
    pytest.mark.django_db(transaction=True),
]

FOLDER = Path(configured.BASE_DIR) / "var" / "screenshots"


STATES: dict[str, Callable[[Account], str]] = {
    **{name: path for name, (path, _) in standings.STANDINGS.items()},
    **standings.REASONS,
    "unknown": lambda account: "/passes/0123456789abcdefghjkmnpqrs",
    "not_allowed": lambda account: f"{standings.ready(account)}/apple",
}


def shoot(visit: Open, path: str, profile: Profile, name: str, **options: object) -> None:
    keep(visit(path, profile, **options), f"{name}-{profile.name}")


def keep(page: Page, name: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True)


@pytest.mark.parametrize("state", STATES)
def test_states_on_a_phone(visit: Open, dressed: Account, state: str) -> None:
    path = STATES[state](dressed)
    shoot(visit, path, IPHONE, state)
    shoot(visit, path, IPHONE, f"{state}-dark", color_scheme="dark")


@pytest.mark.parametrize("notice", NOTICES)
def test_notices(visit: Open, dressed: Account, notice: str) -> None:
    page = NOTICES[notice](visit, dressed)
    keep(page, f"notice-{notice.lower().replace(' ', '_')}")
    page.emulate_media(color_scheme="dark")
    keep(page, f"notice-{notice.lower().replace(' ', '_')}-dark")


def test_too_many_requests(visit: Open, dressed: Account, limited: None, settings: Settings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "page_views_of_url": "1/h"}
    path = standings.ready(dressed)
    visit(path, IPHONE)
    shoot(visit, path, IPHONE, "limited")


def test_one_wallet_that_the_phone_does_not_have(visit: Open, dressed: Account) -> None:
    path = standings.ready(dressed)
    AppleIdentity.objects.update(not_after=timezone.now())
    shoot(visit, path, IPHONE, "not_now")
    CredentialType.objects.update(apple_enabled=False)
    shoot(visit, path, IPHONE, "other_wallet")


@pytest.mark.parametrize(
    "profile", [PIXEL, IPAD, DESKTOP, INSTAGRAM, NARROW], ids=lambda profile: profile.name
)
def test_the_ready_page_on_other_devices(visit: Open, dressed: Account, profile: Profile) -> None:
    shoot(visit, standings.ready(dressed), profile, "ready")


@pytest.mark.parametrize("language", [code for code, _ in configured.LANGUAGES])
def test_languages(visit: Open, dressed: Account, language: str) -> None:
    path = standings.ready(dressed)
    shoot(visit, f"{path}?lang={language}", IPHONE, f"ready-{language}")
    shoot(visit, f"{standings.in_use(dressed)}?lang={language}", IPHONE, f"in_use-{language}")


@pytest.mark.parametrize("style", OUTFITS)
def test_styles(visit: Open, dressed: Account, style: str) -> None:
    _, url = factories.credential_and_url(dressed, credential_type=outfit(dressed, style))
    for profile in (IPHONE, DESKTOP):
        shoot(visit, standings.path_of(url), profile, style)

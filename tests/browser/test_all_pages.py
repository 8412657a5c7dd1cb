"""Every other page that a passholder may meet, as everybody has to be able to read it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django import Settings

from credentials.models import Account, WalletPass
from redemption.models import AppleIdentity
from tests.browser.conftest import Open
from tests.browser.profiles import IPHONE, NARROW, PIXEL
from tests.browser.reading import assert_accessible_in_the_dark, overflow
from tests.redemption import standings

pytestmark = pytest.mark.django_db(transaction=True)


def ended_download(visit: Open, account: Account) -> Page:
    """A page that tells that a download has ended."""
    file = Client().post(f"{standings.ready(account)}/apple")["Location"]
    WalletPass.objects.update(offered_at=timezone.now() - timedelta(days=1))
    return visit(file, IPHONE)


def unreachable_google(visit: Open, account: Account) -> Page:
    """A page that tells that Google does not answer."""
    page = visit(standings.ready(account), PIXEL)
    page.get_by_role("button", name="Add to Google Wallet").click()
    return page


def lost_certificate(visit: Open, account: Account) -> Page:
    """A page that tells that nothing can be signed."""
    page = visit(standings.ready(account), IPHONE)
    AppleIdentity.objects.update(not_after=timezone.now())
    page.get_by_role("button", name="Add to Apple Wallet").click()
    return page


NOTICES = {
    "That download has ended": ended_download,
    "Google Wallet cannot be reached": unreachable_google,
    "This does not work at the moment": lost_certificate,
}


def assert_everybody_can_read(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert_accessible_in_the_dark(page)
    assert overflow(page) == 0


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("reason", standings.REASONS)
def test_every_reason_can_be_read_by_everybody(
    visit: Open, dressed: Account, reason: str, language: str
) -> None:
    assert_everybody_can_read(visit(f"{standings.REASONS[reason](dressed)}?lang={language}", NARROW))


@pytest.mark.parametrize("notice", NOTICES)
def test_every_notice_can_be_read_by_everybody(visit: Open, dressed: Account, notice: str) -> None:
    page = NOTICES[notice](visit, dressed)
    expect(page.get_by_role("alert")).to_contain_text(notice)
    assert_everybody_can_read(page)


def test_too_many_requests_are_answered_so_that_everybody_can_read_it(
    visit: Open, dressed: Account, limited: None, settings: Settings
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "page_views_of_url": "1/h"}
    path = standings.ready(dressed)
    visit(path, NARROW)
    page = visit(path, NARROW)
    expect(page).to_have_title("Too many requests")
    assert_everybody_can_read(page)


def test_a_step_on_the_way_can_be_read_by_everybody(visit: Open, dressed: Account) -> None:
    page = visit(f"{standings.ready(dressed)}/apple", NARROW)
    expect(page).to_have_title("Only a step on the way")
    assert_everybody_can_read(page)
    page.get_by_role("link", name="Back to the pass").click()
    expect(page.locator("body")).to_have_attribute("data-state", "ready")

"""A page that was left for a while or whose network is slow: what it shows in the meantime, and after it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from credentials.models import Account
from tests.browser.conftest import Open
from tests.browser.profiles import IPHONE
from tests.browser.test_pages import credential_of, downloads, issued
from tests.redemption import standings
from tests.redemption.outfits import outfit

pytestmark = pytest.mark.django_db(transaction=True)

# What a browser says when somebody comes back to the page: from another tab, or out of its memory of pages.
COMEBACKS = {
    "visible": "document.dispatchEvent(new Event('visibilitychange'))",
    "remembered": "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))",
}


@pytest.mark.parametrize("comeback", COMEBACKS)
def test_a_page_of_hours_ago_looks_when_somebody_comes_back(
    visit: Open, dressed: Account, comeback: str
) -> None:
    path = standings.ready(dressed)
    page = visit(path, IPHONE)
    page.clock.set_fixed_time(timezone.now() + timedelta(hours=2))
    # The look that was planned before, after which it has given up.
    page.wait_for_event("response", lambda answer: answer.request.method == "HEAD")
    standings.install(credential_of(path))
    page.wait_for_timeout(4_000)
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    page.evaluate(COMEBACKS[comeback])
    expect(page.locator("body")).to_have_attribute("data-state", "in_use")


def test_back_after_the_download_shows_where_the_pass_stands_by_then(visit: Open, dressed: Account) -> None:
    path = standings.ready(dressed)
    page = visit("/livez", IPHONE)
    page.goto(page.url.replace("/livez", path))
    downloads(page)
    expect(page.get_by_role("button", name="Add to Apple Wallet")).to_be_enabled()
    page.go_back()
    standings.report(credential_of(path).wallet_passes.get())
    page.go_forward()
    expect(page.locator("body")).to_have_attribute("data-state", "in_use")


def test_all_arrives_over_a_slow_network(visit: Open, dressed: Account) -> None:
    path = issued(dressed, outfit(dressed, "storeCard"))
    page = visit("/livez", IPHONE)
    slow_down(page)
    page.goto(page.url.replace("/livez", path), wait_until="load")
    expect(page.locator(".picture")).to_be_visible()
    files = downloads(page)
    assert [file.status for file in files] == [200]


def slow_down(page: Page) -> None:
    """As over a telephone line of 2005."""
    conditions = {"offline": False, "latency": 300, "downloadThroughput": 20_000, "uploadThroughput": 8_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions)


def test_images_that_never_come_hold_up_nothing(visit: Open, dressed: Account) -> None:
    page = visit("/livez", IPHONE)
    page.route("**/brand/*.webp", lambda route: None)
    path = issued(dressed, outfit(dressed, "storeCard"))
    page.goto(page.url.replace("/livez", path), wait_until="domcontentloaded")
    downloads(page)


def test_a_style_that_never_comes_leaves_a_page_that_works(visit: Open, dressed: Account) -> None:
    page = visit("/livez", IPHONE)
    page.route("**/*.css", lambda route: route.abort())
    page.goto(page.url.replace("/livez", standings.ready(dressed)))
    downloads(page)

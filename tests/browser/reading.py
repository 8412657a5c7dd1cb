"""Whether everybody can read a page: axe's opinion of it, and how well it fits its window."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# WCAG 2.2, levels A and AA, and what axe's makers call good practice.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def assert_accessible(page: Page) -> None:
    """Axe has nothing to say of it."""
    results = Axe().run(page, options=RULES)
    assert results.violations_count == 0, results.generate_report()


def assert_accessible_in_the_dark(page: Page) -> None:
    """As it is, then in dark colours with all that is folded away in sight."""
    assert_accessible(page)
    page.emulate_media(color_scheme="dark")
    for folded in page.locator("details:visible").all():
        folded.locator("summary").first.click()
    assert_accessible(page)


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

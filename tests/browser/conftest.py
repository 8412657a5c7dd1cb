"""A real browser before a real server: Debian's Chromium, driven by playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from credentials.models import Account, Branding
from redemption.models import AppleIdentity
from tests import factories
from tests.browser.profiles import Profile

CHROMIUM = shutil.which("chromium")
# Root in a container has no sandbox; and a browser under test has nothing to tell its maker.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser of a file's tests; each has a context of its own in it.

    Not of all files': as long as playwright is there its event loop runs in this thread, and nothing else
    that wants one can.
    """
    if CHROMIUM is None:
        pytest.skip("no chromium; on Debian: apt-get install chromium")
    # Playwright keeps an event loop in this thread, which Django would take for a view that must not wait.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Watched:
    """What a page must not do: break its own policy, fail in its script, ask others for anything."""

    def __init__(self, context: BrowserContext, *, origin: str, scripted: bool = True) -> None:
        self.complaints: list[str] = []
        context.on("request", lambda request: self._asked(request.url, origin))
        if scripted:
            self._listen(context)

    def _listen(self, context: BrowserContext) -> None:
        context.on("weberror", lambda error: self.complaints.append(f"error: {error.error}"))
        context.expose_function("complain", self._complain)
        context.add_init_script(
            "addEventListener('securitypolicyviolation', (event) => complain("
            "`policy: ${event.violatedDirective} ${event.blockedURI}`))"
        )

    def _complain(self, text: str) -> None:
        self.complaints.append(text)

    def _asked(self, url: str, origin: str) -> None:
        if not url.startswith((f"{origin}/", "data:")):
            self.complaints.append(f"asked elsewhere: {url}")


@pytest.fixture
def visit(browser: Browser, live_server: LiveServer) -> Iterator[Open]:
    """Opens a path as a device does; complains at the end about what no page may do."""
    contexts: list[tuple[BrowserContext, Watched]] = []

    def open_page(path: str, profile: Profile, **options: object) -> Page:
        context = browser.new_context(**{**profile.options, **options})
        scripted = bool(options.get("java_script_enabled", True))
        contexts.append((context, Watched(context, origin=live_server.url, scripted=scripted)))
        page = context.new_page()
        page.goto(f"{live_server.url}{path}")
        return page

    yield open_page
    for context, watched in contexts:
        context.close()
        assert watched.complaints == []


@pytest.fixture
def dressed(acme: Account, acme_identity: AppleIdentity) -> Account:
    """An account with both wallets and a face of its own."""
    factories.google_issuer(acme)
    Branding.objects.create(
        account=acme,
        accent_color="#b3261e",
        contact_email="help@acme.example",
        contact_phone="+49 30 123456",
        texts={"en": {"help": "The desk is open from 9 to 21."}},
    )
    return acme

"""The watch over what no page may do is shown something to complain about."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Route
from pytest_django.live_server_helper import LiveServer

from credentials.models import Account
from tests.browser.conftest import Watched
from tests.browser.profiles import DESKTOP
from tests.redemption import standings

pytestmark = pytest.mark.django_db(transaction=True)

# Nobody listens there.
ELSEWHERE = "http://127.0.0.1:1/pixel.png"


def page_that_asks_elsewhere(route: Route) -> None:
    route.fulfill(content_type="text/html", body=f'<img src="{ELSEWHERE}">')


def test_a_breach_of_the_policy_is_seen(browser: Browser, live_server: LiveServer, dressed: Account) -> None:
    with browser.new_context(**DESKTOP.options) as context:
        watched = Watched(context, origin=live_server.url)
        page = context.new_page()
        page.goto(f"{live_server.url}{standings.ready(dressed)}")
        page.evaluate(f"document.body.append(Object.assign(new Image(), {{src: '{ELSEWHERE}'}}))")
        page.wait_for_timeout(500)
    assert f"policy: img-src {ELSEWHERE}" in watched.complaints


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no-script"])
def test_a_request_to_elsewhere_is_seen(browser: Browser, live_server: LiveServer, *, scripted: bool) -> None:
    with browser.new_context(**DESKTOP.options, java_script_enabled=scripted) as context:
        watched = Watched(context, origin=live_server.url, scripted=scripted)
        page = context.new_page()
        page.route("**/asking", page_that_asks_elsewhere)
        page.goto(f"{live_server.url}/asking")
    assert watched.complaints == [f"asked elsewhere: {ELSEWHERE}"]


def test_a_script_that_fails_is_seen(browser: Browser, live_server: LiveServer) -> None:
    with browser.new_context(**DESKTOP.options) as context:
        watched = Watched(context, origin=live_server.url)
        page = context.new_page()
        page.goto(f"{live_server.url}/livez")
        page.evaluate("setTimeout(() => { throw new Error('canary') })")
        page.wait_for_timeout(500)
    assert watched.complaints == ["error: canary"]

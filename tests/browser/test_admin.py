"""The admin in a real browser, where its script matters."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import expect

from credentials.models import Account
from tests import factories
from tests.admin.test_credentials import order
from tests.browser.conftest import Open
from tests.browser.profiles import DESKTOP

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_url_that_is_shown_once_is_copied_by_its_button(visit: Open, acme: Account) -> None:
    credential = factories.credential(acme)
    page = visit("/livez", DESKTOP, permissions=["clipboard-read", "clipboard-write"])
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    session = root.cookies[settings.SESSION_COOKIE_NAME].value
    origin = page.url.removesuffix("/livez")
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": origin}])
    page.goto(f"{origin}{order(credential, 'url')}")
    page.locator("#content [type=submit]").first.click()
    url = page.get_by_label("URL").input_value()
    assert "/passes/" in url
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == url

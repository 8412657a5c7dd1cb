"""The passholder's page in a real browser: every state, on every kind of device, with and without script."""

from __future__ import annotations

import re

import pytest
from django.db import transaction
from playwright.sync_api import Page, Response, expect

from credentials import designs, lifecycle
from credentials.branding import update_branding
from credentials.models import Account, Credential, CredentialType, RedemptionUrl, WalletPass
from credentials.tokens import url_token_digest
from tests import factories
from tests.browser.conftest import Open
from tests.browser.profiles import DESKTOP, INSTAGRAM, IPAD, IPHONE, NARROW, PIXEL, PROFILES, Profile
from tests.browser.reading import assert_accessible, assert_accessible_in_the_dark, overflow
from tests.credentials.pictures import noise
from tests.redemption import standings
from tests.redemption.outfits import OUTFITS, outfit

pytestmark = pytest.mark.django_db(transaction=True)


def credential_of(path: str) -> Credential:
    digest = url_token_digest(path.rpartition("/")[2])
    return RedemptionUrl.objects.select_related("credential__person").get(digest=digest).credential


def remove(credential: Credential) -> None:
    """The wallet reports that the pass is gone."""
    with transaction.atomic():
        held = WalletPass.objects.held().get(credential=credential, state="installed")
        lifecycle.remove_from_wallet(held, devices=0, actor="test")


@pytest.mark.parametrize("profile", [*PROFILES, IPAD, INSTAGRAM], ids=lambda profile: profile.name)
@pytest.mark.parametrize("standing", standings.STANDINGS)
def test_every_state_can_be_read_by_everybody(
    visit: Open, dressed: Account, standing: str, profile: Profile
) -> None:
    page = visit(standings.STANDINGS[standing][0](dressed), profile)
    expect(page.locator("body")).to_have_attribute("data-state", standing)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert overflow(page) == 0
    assert_accessible_in_the_dark(page)


def test_a_tablet_that_asks_for_desktop_pages_needs_no_code(visit: Open, dressed: Account) -> None:
    path = standings.ready(dressed)
    expect(visit(path, IPAD).locator(".qr")).to_be_hidden()
    mac = visit(path, Profile("mac", {**DESKTOP.options, "user_agent": IPAD.options["user_agent"]}))
    expect(mac.locator(".qr")).to_be_visible()
    expect(mac.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("standing", standings.STANDINGS)
def test_every_state_can_be_read_from_right_to_left(visit: Open, dressed: Account, standing: str) -> None:
    page = visit(f"{standings.STANDINGS[standing][0](dressed)}?lang=ar", NARROW)
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert_accessible_in_the_dark(page)
    assert overflow(page) == 0


def test_the_language_of_the_page_can_be_switched(visit: Open, dressed: Account) -> None:
    page = visit(standings.ready(dressed), IPHONE, locale="fr-CH")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.locator(".languages summary").click()
    page.get_by_role("link", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_the_language_can_be_switched_by_keyboard(visit: Open, dressed: Account) -> None:
    page = visit(standings.ready(dressed), IPHONE)
    page.locator(".languages summary").focus()
    page.keyboard.press("Enter")
    names = []
    for _ in range(2):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent.trim()"))
    assert names == ["العربيّة", "Deutsch"]
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_the_page_of_no_pass_can_be_read_too(visit: Open, dressed: Account) -> None:
    page = visit("/passes/0123456789abcdefghjkmnpqrs", IPHONE)
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    assert_accessible(page)


@pytest.mark.parametrize("standing", standings.STANDINGS)
def test_nothing_is_cut_off_in_a_narrow_or_a_magnified_window(
    visit: Open, dressed: Account, standing: str
) -> None:
    path = standings.STANDINGS[standing][0](dressed)
    assert overflow(visit(path, NARROW)) == 0
    # 1280 pixels at 400 % are 320, in which a whole desktop page has to fit.
    magnified = Profile("magnified", {"viewport": {"width": 320, "height": 256}, "device_scale_factor": 4})
    assert overflow(visit(path, magnified)) == 0


@pytest.mark.parametrize(
    ("profile", "wallet"),
    [(IPHONE, "Apple"), (PIXEL, "Google"), (IPAD, "Apple")],
    ids=lambda value: getattr(value, "name", value),
)
def test_the_first_button_is_that_of_the_phone(
    visit: Open, dressed: Account, profile: Profile, wallet: str
) -> None:
    page = visit(standings.ready(dressed), profile, java_script_enabled=False)
    expect(page.get_by_role("button")).to_have_count(1)
    expect(page.get_by_role("button")).to_have_text(re.compile(f"Add to {wallet} Wallet"))


def downloads(page: Page, *, presses: int = 1) -> list[Response]:
    """Presses the button for Apple Wallet; the answers with a file that came of it."""
    files: list[Response] = []
    page.on("response", lambda answer: files.append(answer) if answer.url.endswith(".pkpass") else None)
    with page.expect_download():
        for _ in range(presses):
            page.get_by_role("button", name="Add to Apple Wallet").click(no_wait_after=True)
    return files


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no-script"])
def test_a_tap_leads_to_the_file(visit: Open, dressed: Account, *, scripted: bool) -> None:
    page = visit(standings.ready(dressed), IPHONE, java_script_enabled=scripted)
    files = downloads(page)
    assert [file.status for file in files] == [200]
    assert files[0].headers["content-type"] == "application/vnd.apple.pkpass"


def test_two_taps_make_one_pass(visit: Open, dressed: Account) -> None:
    page = visit(standings.ready(dressed), IPHONE)
    downloads(page, presses=2)
    page.wait_for_load_state("networkidle")
    assert WalletPass.objects.count() == 1


def test_the_keyboard_alone_suffices(visit: Open, dressed: Account) -> None:
    page = visit(standings.ready(dressed), DESKTOP)
    names = []
    for _ in range(3):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent.trim()"))
    assert names[0] == "Add it from this computer"
    page.locator("summary", has_text="Add it from this computer").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Add to Apple Wallet")).to_be_visible()
    page.keyboard.press("Tab")
    with page.expect_download():
        page.keyboard.press("Enter")


def test_the_keyboard_of_a_phone_suffices(visit: Open, dressed: Account) -> None:
    page = visit(standings.ready(dressed), IPHONE)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Add to Apple Wallet")).to_be_focused()
    with page.expect_download():
        page.keyboard.press("Enter")


def test_the_page_notices_that_the_pass_was_added_and_removed(visit: Open, dressed: Account) -> None:
    path = standings.ready(dressed)
    page = visit(path, IPHONE)
    standings.install(credential_of(path))
    expect(page.locator("body")).to_have_attribute("data-state", "in_use", timeout=15_000)
    remove(credential_of(path))
    expect(page.locator("body")).to_have_attribute("data-state", "ready", timeout=15_000)


def test_of_two_tabs_the_late_one_is_told(visit: Open, dressed: Account) -> None:
    path = standings.ready(dressed)
    early, late = visit(path, IPHONE), visit(path, IPHONE, java_script_enabled=False)
    standings.install(credential_of(path))
    late.get_by_role("button", name="Add to Apple Wallet").click()
    expect(late.locator("body")).to_have_attribute("data-state", "in_use")
    expect(early.locator("body")).to_have_attribute("data-state", "in_use", timeout=15_000)


def test_back_from_a_refusal_shows_where_the_pass_stands(visit: Open, dressed: Account) -> None:
    path = standings.ready(dressed)
    page = visit(path, IPHONE)
    lifecycle.revoke(credential_of(path), actor="test")
    page.get_by_role("button", name="Add to Apple Wallet").click()
    expect(page.locator("body")).to_have_attribute("data-state", "revoked")
    page.go_back()
    expect(page.locator("body")).to_have_attribute("data-state", "revoked", timeout=15_000)


def test_a_slow_network_shows_the_whole_page_before_its_script(visit: Open, dressed: Account) -> None:
    page = visit("/livez", IPHONE)
    page.route("**/page.js", lambda route: None)
    path = standings.ready(dressed)
    page.goto(page.url.replace("/livez", path), wait_until="commit")
    expect(page.get_by_role("button", name="Add to Apple Wallet")).to_be_visible()


@pytest.mark.parametrize("style", OUTFITS)
def test_every_style_of_pass_is_drawn_for_everybody(visit: Open, dressed: Account, style: str) -> None:
    page = visit(issued(dressed, outfit(dressed, style)), NARROW, color_scheme="dark")
    page.wait_for_load_state("networkidle")
    missing = "[...document.images].some((image) => !image.naturalWidth)"
    assert not page.evaluate(missing)
    images = page.locator(".picture image").evaluate_all("(all) => all.map((one) => one.href.baseVal)")
    assert len(images) == len(OUTFITS[style][1])
    assert overflow(page) == 0
    assert_accessible(page)


def issued(account: Account, kind: CredentialType) -> str:
    return standings.path_of(factories.credential_and_url(account, credential_type=kind)[1])


@pytest.mark.parametrize("style", ["storeCard", "eventTicket"])
def test_a_page_with_all_that_it_loads_is_light(visit: Open, dressed: Account, style: str) -> None:
    heavy = {role: noise(1125, 660) for role in OUTFITS[style][1]}
    kind = designs.update_credential_type(outfit(dressed, style), images=heavy, actor="test")
    update_branding(dressed, logo=noise(480, 96), actor="test")
    page = visit(issued(dressed, kind), DESKTOP)
    page.wait_for_load_state("networkidle")
    weights = page.evaluate(
        "performance.getEntries().filter((entry) => entry.encodedBodySize !== undefined)"
        ".map((entry) => [entry.name.split('.').pop(), entry.encodedBodySize])"
    )
    # Nothing is compressed here, which a proxy does: texts come to a quarter of their size.
    texts = sum(weight for kind, weight in weights if kind != "webp")
    images = sum(weight for kind, weight in weights if kind == "webp")
    assert len(weights) >= 5 + len(heavy)
    assert texts / 3 + images <= 50_000, weights

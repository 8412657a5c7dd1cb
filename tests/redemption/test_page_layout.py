"""What the page puts first on which device, in which language, in whose colours."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from pytest_django import Settings

from credentials.contrast import ENOUGH, contrast, ink_on
from credentials.models import Account, Branding
from redemption import shells
from redemption.models import AppleIdentity, GoogleIssuer
from redemption.templatetags import wallet_badges
from tests import factories
from tests.credentials.pictures import noise
from tests.redemption import standings
from tests.redemption.test_devices import ANDROID, CHROME, IPHONE
from tests.redemption.test_pages import text_of

SAFARI = f"{IPHONE} Version/19.1 Mobile/15E148 Safari/604.1"
PIXEL = f"{ANDROID}) {CHROME} Chrome/142.0.0.0 Mobile Safari/537.36"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Chrome/142.0 Safari/537.36"
LINUX = f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} Chrome/142.0.0.0 Safari/537.36"
MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {CHROME} Version/19.1 Safari/605.1.15"
INSTAGRAM = f"{IPHONE} Mobile/22B83 Instagram 350.0.0.20.94 (iPhone17,1; iOS 19_1)"
FACEBOOK = f"{ANDROID}; wv) {CHROME} Chrome/142 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/490]"


@pytest.fixture
def google_issuer(acme: Account) -> GoogleIssuer:
    """A Google issuer with a key: whatever it is, the page only asks whether it is there."""
    return GoogleIssuer.objects.create(account=acme, issuer_id="3388000000000000001", private_key=b"a key")


def page_for(client: Client, path: str, user_agent: str = "", **headers: str) -> str:
    return client.get(path, headers={"user-agent": user_agent, **headers}).content.decode()


def shown(page: str) -> tuple[list[str], list[str]]:
    """The wallets of a page: those in plain sight, and those folded away."""
    fold = re.compile(r'<details class="folded">.*?</details>', re.DOTALL)
    form = re.compile(r'<form method="post" action="/passes/\w+/(\w+)">')
    return form.findall(fold.sub("", page)), form.findall("".join(fold.findall(page)))


def as_shown(page: str) -> tuple[str, str]:
    """A page as a tablet shows it, and as any other device does."""
    on_tablet = re.compile(r'<div class="on-tablet">.*?</div>', re.DOTALL)
    on_desk = re.compile(r'<div class="on-desk">.*?</div>', re.DOTALL)
    return on_desk.sub("", page) if on_tablet.search(page) else page, on_tablet.sub("", page)


@pytest.mark.parametrize(
    ("user_agent", "in_sight", "folded"),
    [
        (SAFARI, ["apple"], ["google"]),
        (PIXEL, ["google"], ["apple"]),
        (WINDOWS, [], ["apple", "google"]),
        (INSTAGRAM, [], ["apple", "google"]),
        (FACEBOOK, [], ["google", "apple"]),
        ("", ["apple", "google"], []),
    ],
)
def test_the_wallet_of_the_device_comes_first(
    client: Client,
    acme: Account,
    acme_identity: AppleIdentity,
    google_issuer: GoogleIssuer,
    user_agent: str,
    in_sight: list[str],
    folded: list[str],
) -> None:
    assert shown(page_for(client, standings.ready(acme), user_agent)) == (in_sight, folded)


@pytest.mark.parametrize(
    ("user_agent", "first", "other"), [(MAC, "apple", "google"), (LINUX, "google", "apple")]
)
def test_a_tablet_that_asks_for_desktop_pages_is_shown_its_own_wallet(
    client: Client,
    acme: Account,
    acme_identity: AppleIdentity,
    google_issuer: GoogleIssuer,
    user_agent: str,
    first: str,
    other: str,
) -> None:
    tablet, computer = as_shown(page_for(client, standings.ready(acme), user_agent))
    assert shown(tablet) == ([first], [other])
    assert "qr.svg" not in tablet
    assert shown(computer) == ([], ["apple", "google"])
    assert "qr.svg" in computer


def test_a_tablet_without_the_wallet_is_shown_the_code(
    client: Client, acme: Account, google_issuer: GoogleIssuer
) -> None:
    tablet, computer = as_shown(page_for(client, standings.ready(acme), MAC))
    assert tablet == computer
    assert "qr.svg" in tablet


@pytest.mark.parametrize(
    ("only", "user_agent", "told"),
    [
        ("apple", PIXEL, "made for Apple Wallet. Please open this link on an iPhone"),
        ("google", SAFARI, "made for Google Wallet. Please open this link on an Android phone"),
    ],
)
def test_a_phone_that_the_pass_is_not_made_for_is_told_which_to_take(
    client: Client,
    acme: Account,
    acme_identity: AppleIdentity,
    google_issuer: GoogleIssuer,
    only: str,
    user_agent: str,
    told: str,
) -> None:
    kind = factories.credential_type(acme, apple_enabled=only == "apple", google_enabled=only == "google")
    _, url = factories.credential_and_url(acme, credential_type=kind)
    page = page_for(client, standings.path_of(url), user_agent)
    assert told in text_of(page)
    assert shown(page) == ([], [only])


def test_a_wallet_that_is_not_set_up_now_is_not_called_one_that_the_pass_is_not_made_for(
    client: Client, acme: Account, acme_identity: AppleIdentity, google_issuer: GoogleIssuer
) -> None:
    path = standings.ready(acme)
    AppleIdentity.objects.update(not_after=timezone.now())
    page = page_for(client, path, SAFARI)
    assert "cannot be added to Apple Wallet at the moment" in text_of(page)
    assert "open this link on an Android phone, or ask Acme Gym" in text_of(page)
    assert "made for" not in text_of(page)
    assert shown(page) == ([], ["google"])
    AppleIdentity.objects.update(not_after=timezone.now() + timedelta(days=9))
    GoogleIssuer.objects.update(private_key=None)
    assert "cannot be added to Google Wallet at the moment" in text_of(page_for(client, path, PIXEL))


def test_inside_an_app_the_way_out_is_shown(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    path = standings.ready(acme)
    assert "Open in Safari" in text_of(page_for(client, path, INSTAGRAM))
    assert f'href="intent://127.0.0.1:8000{path}#Intent;scheme=http;' in page_for(client, path, FACEBOOK)


def test_a_computer_is_shown_a_code_for_the_phone(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    path = standings.ready(acme)
    page = page_for(client, path, MAC)
    assert f'src="{path}/qr.svg"' in page
    assert f'src="{path}/qr.svg"' not in page_for(client, path, SAFARI)
    code = client.get(f"{path}/qr.svg")
    assert code["Content-Type"] == "image/svg+xml"
    assert code.content.startswith(b"<svg")
    assert code["Cache-Control"] == "no-store, private"


def test_a_code_leads_nowhere_without_a_link(client: Client, acme: Account) -> None:
    assert client.get("/passes/0123456789abcdefghjkmnpqrs/qr.svg").status_code == 404
    assert client.post(f"{standings.ready(acme)}/qr.svg").status_code == 405


@pytest.mark.parametrize("standing", standings.STANDINGS)
def test_a_script_is_told_the_state_by_a_header(client: Client, acme: Account, standing: str) -> None:
    path = standings.STANDINGS[standing][0](acme)
    answer = client.head(path)
    assert answer["Pass-State"] == standing
    assert ("page.js" in page_for(client, path)) == (standing in {"ready", "in_use", "suspended"})


def test_visitors_of_one_kind_see_their_own_names(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    kind = factories.credential_type(acme)
    pages = []
    for first in ("Ada", "Grace"):
        holder = factories.person(acme, first_name=first)
        _, url = factories.credential_and_url(acme, holder=holder, credential_type=kind)
        pages.append((first, standings.path_of(url), page_for(client, standings.path_of(url))))
    for first, path, page in pages:
        assert f">{first} " in page
        assert page.count(path) >= 2
        others = [other for other in pages if other[0] != first]
        assert not any(name in page or away in page for name, away, _ in others)


def brand(account: Account, **columns: object) -> Branding:
    return Branding.objects.create(account=account, **columns)


def test_an_account_shows_its_own_face(client: Client, acme: Account, globex: Account) -> None:
    logo = noise(480, 96)
    digest = hashlib.sha256(logo).hexdigest()
    texts = {"en": {"name": "Acme <Sport>", "help": "Ask at the desk.\nWe help."}}
    brand(
        acme,
        logo=logo,
        logo_digest=digest,
        accent_color="#ffd400",
        contact_email="help@acme.example",
        contact_phone="+49 30 1234",
        contact_url="https://acme.example/help",
        texts=texts,
    )
    page = page_for(client, standings.ready(acme))
    assert f'<img class="logo" src="/brand/{digest}.webp" alt="Acme &lt;Sport&gt;">' in page
    assert 'href="mailto:help@acme.example"' in page
    assert 'href="tel:+49301234"' in page
    assert 'href="https://acme.example/help"' in page
    assert "Ask at the desk." in page
    served = client.get(f"/brand/{digest}.png")
    assert (served.content, served["Content-Type"]) == (logo, "image/png")
    light = client.get(f"/brand/{digest}.webp")
    assert (light.status_code, light["Content-Type"]) == (200, "image/webp")
    assert len(light.content) <= 8_000
    other = page_for(client, standings.ready(globex))
    assert "brand/" not in other
    assert escape("Acme <Sport>") not in other


def test_buttons_wear_the_accent_with_an_ink_that_can_be_read(client: Client, acme: Account) -> None:
    brand(acme, accent_color="#ffd400")
    style = "<style>:root{--button:#ffd400;--button-ink:#000000}</style>"
    assert style in page_for(client, standings.ready(acme))


@pytest.mark.parametrize(
    "path",
    ["/brand/" + "0" * 64 + ".png", "/brand/" + "0" * 64 + ".webp"],
)
def test_what_nobody_wears_is_not_there(client: Client, acme: Account, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#ffffff", "#000000", 21), ("#777777", "#ffffff", 4.48), ("#767676", "#ffffff", 4.54)],
)
def test_contrast_is_what_wcag_says(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("ground", ["#000000", "#ffffff", "#777777", "#ff0000", "#00ff00", "#808000"])
def test_some_ink_can_be_read_on_every_ground(ground: str) -> None:
    assert contrast(ground, ink_on(ground)) >= ENOUGH


@pytest.fixture
def badges(settings: Settings, tmp_path: Path) -> Iterator[None]:
    """Badges that the operator has put where they belong; nothing is remembered from before, nor after."""
    (tmp_path / "apple-de.svg").write_text("<svg/>")
    (tmp_path / "apple.png").write_bytes(b"png")
    settings.BADGES_DIR = tmp_path
    wallet_badges._address.cache_clear()
    shells.shell.cache_clear()
    yield
    wallet_badges._address.cache_clear()
    shells.shell.cache_clear()


def test_the_official_badge_takes_the_place_of_our_button(
    client: Client, acme: Account, acme_identity: AppleIdentity, badges: None
) -> None:
    factories.google_issuer(acme)
    path = standings.ready(acme)
    german, english = page_for(client, f"{path}?lang=de"), page_for(client, path)
    assert '<img src="/static/badges/apple-de.svg" height="48" alt="Zu Apple Wallet hinzufügen">' in german
    assert '<img src="/static/badges/apple.png" height="48" alt="Add to Apple Wallet">' in english
    assert "Add to Google Wallet</button>" in english

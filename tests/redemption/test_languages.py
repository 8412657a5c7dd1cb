"""Passholders are answered in their language; the admin and the API speak English to everybody."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from credentials.models import Account, Branding, Credential, CredentialType, WalletPass
from redemption.models import AppleIdentity
from redemption.shells import SLOTS
from tests import factories
from tests.catalogues import TRANSLATED
from tests.redemption import standings
from tests.redemption.test_page_layout import FACEBOOK, INSTAGRAM, MAC, PIXEL, SAFARI

NATIVE = {
    "ar": "العربيّة",
    "de": "Deutsch",
    "en": "English",
    "es": "español",
    "fr": "français",
    "it": "italiano",
    "ja": "日本語",
    "nl": "Nederlands",
    "pt": "Português",
}
# What is the same in every language: names, addresses, and the years and digits of a day.
NAMES = {"Acme Gym", "Membership", "MEMBER", "Ada L.", "help@acme.example", *NATIVE.values()}
UNKNOWN = "/passes/0123456789abcdefghjkmnpqrs"

STATES: dict[str, Callable[[Account], str]] = {
    **{name: path for name, (path, _) in standings.STANDINGS.items()},
    **standings.REASONS,
    "unknown": lambda account: UNKNOWN,
}


def read(client: Client, path: str, *, language: str, user_agent: str = "") -> str:
    """The page at `path` as a browser of that language gets it, which is written in it."""
    answer = client.get(path, headers={"accept-language": language, "user-agent": user_agent})
    page = answer.content.decode()
    direction = "rtl" if language == "ar" else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in page
    assert answer["Content-Language"] == language
    return page


def texts_of(page: str) -> set[str]:
    """Every text of a page, those for screen readers and previews among them."""
    attributes = re.findall(r'(?:alt|aria-label|content)="([^"]*)"', page.replace('name="', 'content="'))
    between = re.findall(r">([^<>]+)<", re.sub(r"<style>.*?</style>", "", page))
    return {text.strip() for text in chain(attributes, between) if re.search(r"[^\W\d_]{2}", text)}


def left_in_english(client: Client, path: str, *, language: str, user_agent: str = "") -> set[str]:
    english = texts_of(read(client, path, language="en", user_agent=user_agent))
    assert len(english) > 8
    translated = texts_of(read(client, path, language=language, user_agent=user_agent))
    assert len(translated) == len(english)
    return (english & translated) - NAMES - MARKUP


MARKUP = {
    *("viewport", "width=device-width, initial-scale=1", "color-scheme", "light dark"),
    *("format-detection", "telephone=no", "website"),
}


@pytest.fixture
def dressed(acme: Account, acme_identity: AppleIdentity) -> Account:
    """An account with both wallets, and with help to offer."""
    factories.google_issuer(acme)
    Branding.objects.create(account=acme, contact_email="help@acme.example")
    return acme


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_left_in_english(client: Client, dressed: Account, language: str) -> None:
    for state, path in STATES.items():
        left = left_in_english(client, path(Account.objects.get(pk=dressed.pk)), language=language)
        assert (state, left) == (state, set())


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_left_in_english_on_any_device(client: Client, dressed: Account, language: str) -> None:
    path = standings.ready(dressed)
    for device in (SAFARI, PIXEL, MAC, INSTAGRAM, FACEBOOK):
        assert left_in_english(client, path, language=language, user_agent=device) == set()


@pytest.mark.parametrize("language", TRANSLATED)
def test_one_wallet_or_none_is_explained_in_every_language(
    client: Client, acme: Account, language: str
) -> None:
    path = standings.ready(acme)
    assert left_in_english(client, path, language=language) == set()
    factories.google_issuer(acme)
    assert left_in_english(client, path, language=language, user_agent=SAFARI) == set()
    CredentialType.objects.update(apple_enabled=False)
    assert left_in_english(client, path, language=language, user_agent=SAFARI) == set()


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de", "de"),
        ("de-CH,fr;q=0.5", "de"),
        ("pt-BR", "pt"),
        ("ar-EG", "ar"),
        ("sv,ja;q=0.5,en;q=0.1", "ja"),
        ("en-GB,de;q=0.9", "en"),
        ("*", "nl"),
        ("sv", "nl"),
        ("de;q=0", "nl"),
        ("", "nl"),
        ("../../x;q=", "nl"),
    ],
)
def test_the_browser_chooses_and_else_the_account(
    client: Client, acme: Account, accepted: str, language: str
) -> None:
    path = standings.ready(acme)
    Account.objects.filter(pk=acme.pk).update(language="nl")
    answer = client.get(path, headers={"accept-language": accepted})
    assert answer["Content-Language"] == language
    assert "Accept-Language" in answer["Vary"]


def test_the_switch_names_each_language_in_its_own_words_and_wins(client: Client, acme: Account) -> None:
    path = standings.ready(acme)
    page = client.get(f"{path}?lang=ja", headers={"accept-language": "de"}).content.decode()
    assert '<html lang="ja" dir="ltr">' in page
    link = re.compile(rf'<a href="{path}\?lang=(\w+)" lang="\1" hreflang="\1"[^>]*>([^<]+)</a>')
    assert link.findall(page) == list(NATIVE.items())
    assert re.findall(r'lang="(\w+)" aria-current="true"', page) == ["ja"]


def test_what_nobody_speaks_is_not_switched_to(client: Client, acme: Account) -> None:
    answer = client.get(f"{standings.ready(acme)}?lang=xx", headers={"accept-language": "de"})
    assert answer["Content-Language"] == "de"


def test_buttons_keep_the_language_that_was_switched_to(client: Client, dressed: Account) -> None:
    path = standings.ready(dressed)
    page = client.get(f"{path}?lang=fr").content.decode()
    assert f'action="{path}/apple?lang=fr"' in page
    assert f'action="{path}/google?lang=fr"' in page
    assert "lang=" not in "".join(re.findall("<form[^>]*>", client.get(path).content.decode()))


def test_a_step_that_fails_is_told_in_the_language_that_was_switched_to(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    answer = client.post(f"{standings.in_use(acme)}/apple?lang=it", headers={"accept-language": "de"})
    assert answer.status_code == 409
    assert "Il Suo pass è in Apple Wallet" in answer.content.decode()
    refused = client.post(f"{standings.ready(acme)}?lang=it", headers={"accept-language": "de"})
    assert refused.status_code == 405
    assert "Torna al pass" in refused.content.decode()


def test_a_download_that_has_ended_is_told_in_the_language_of_the_browser(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    file = client.post(f"{standings.ready(acme)}/apple")["Location"]
    WalletPass.objects.update(offered_at=timezone.now() - timedelta(days=1))
    answer = client.get(file, headers={"accept-language": "pt-BR"})
    assert answer.status_code == 410
    assert "Essa transferência expirou." in answer.content.decode()


def test_our_own_faults_are_told_in_the_language_of_the_browser(
    client: Client, acme: Account, acme_identity: AppleIdentity
) -> None:
    file = client.post(f"{standings.ready(acme)}/apple")["Location"]
    AppleIdentity.objects.update(private_key=b"not what we stored")
    client.raise_request_exception = False
    answer = client.get(file, headers={"accept-language": "nl"})
    assert answer.status_code == 500
    assert '<html lang="nl" dir="ltr">' in answer.content.decode()
    assert "Er is iets misgegaan" in answer.content.decode()


def test_too_many_requests_are_answered_in_the_language_of_the_browser(
    client: Client, acme: Account, limited: None, settings: Settings
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "page_views_of_url": "1/h"}
    path = standings.ready(acme)
    client.get(path)
    answer = client.get(path, headers={"accept-language": "es"})
    assert answer.status_code == 429
    assert '<html lang="es" dir="ltr">' in answer.content.decode()
    assert "Un momento, por favor" in answer.content.decode()


def test_words_of_the_account_run_as_their_letters_do(client: Client, dressed: Account) -> None:
    Branding.objects.update(texts={"en": {"help": "At the desk."}})
    path = standings.ready(dressed)
    for language, named in (("en", ""), ("ar", ' lang="en"')):
        assert f'<div dir="auto"{named}><p>At the desk.</p></div>' in read(client, path, language=language)


@pytest.mark.parametrize(
    ("language", "day"),
    [
        ("ar", "8 مارس، 2026"),
        ("de", "8. März 2026"),
        ("en", "March 8, 2026"),
        ("es", "8 de marzo de 2026"),
        ("fr", "8 mars 2026"),
        ("it", "8 marzo 2026"),
        ("ja", "2026年3月8日"),
        ("nl", "8 maart 2026"),
        ("pt", "8 de março de 2026"),
    ],
)
def test_days_are_written_as_the_language_does(
    client: Client, acme: Account, language: str, day: str
) -> None:
    assert day in read(client, standings.ended_link(acme), language=language)


@pytest.mark.parametrize(("language", "day"), [("fr", "1er mars 2026"), ("de", "1. März 2026")])
def test_the_first_of_a_month_is_written_as_the_language_does(
    client: Client, acme: Account, language: str, day: str
) -> None:
    path = standings.ended_link(acme)
    Credential.objects.update(url_expires_at=datetime(2026, 3, 1, tzinfo=UTC))
    assert day in read(client, path, language=language)


@pytest.mark.parametrize(
    ("language", "moment"),
    [("ar", "8 مارس 2026، 4:05 م"), ("de", "8. März 2026 16:05"), ("it", "8 marzo 2026 16:05")],
)
def test_times_are_written_as_the_language_does(
    client: Client, acme: Account, language: str, moment: str
) -> None:
    path = STATES["pause"](acme)
    later = datetime(2126, 3, 8, 16, 5, tzinfo=UTC)
    Credential.objects.update(reopens_at=later)
    assert moment.replace("2026", "2126") in read(client, path, language=language)


def test_the_admin_speaks_english_to_everybody(admin_user: User) -> None:
    browser = Client(headers={"accept-language": "de"})
    login = browser.get("/admin/login/")
    browser.force_login(admin_user)
    for answer in (login, browser.get("/admin/"), browser.get("/admin/credentials/person/add/")):
        page = answer.content.decode()
        assert '<html lang="en-us" dir="ltr"' in page or '<html lang="en" dir="ltr"' in page
        assert not re.search(r"Anmelden|Abmelden|Hinzufügen|Sichern|Benutzer", page)


@pytest.mark.parametrize("language", ["de", "ar", "pt-BR"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v3/people", {"email": "no address"}),
        ("/api/3/people", {"first_name": "x" * 999, "last_name": "y"}),
        ("/api/v3/credentials?lang=de", {}),
        ("/api/v3/nothing", {}),
    ],
)
def test_the_api_speaks_english_to_everybody(
    client: Client, acme: Account, language: str, path: str, body: dict[str, str]
) -> None:
    key = {"authorization": f"Bearer {factories.api_key(acme)}"}

    def refusal(**headers: str) -> dict[str, object]:
        answer = client.post(path, body, content_type="application/json", headers={**key, **headers})
        assert answer.status_code in {404, 422}
        return {name: value for name, value in answer.json().items() if name != "instance"}

    assert refusal(**{"accept-language": language}) == refusal()


def test_languages_are_listed_by_code() -> None:
    assert [code for code, _ in configured.LANGUAGES] == list(NATIVE)


@pytest.mark.parametrize("state", STATES)
def test_nothing_of_a_page_is_left_open(client: Client, dressed: Account, state: str) -> None:
    page = read(client, STATES[state](dressed), language="de")
    assert not [name for name, stand_in in SLOTS.items() if stand_in in page]
    assert not re.search("[\ufdd0-\ufdef]", page)

"""Scanners, previews and prefetch change no row and count as nobody's look."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client, RequestFactory

from credentials.models import Account
from redemption import suspicion
from redemption.models import AppleIdentity
from redemption.visitors import is_automatic
from tests.redemption import standings
from tests.redemption.standings import STANDINGS

PROGRAMS = [
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Slack-ImgProxy (+https://api.slack.com/robots)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    # What Messages on an iPhone calls itself.
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 "
    "Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
    "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
    "WhatsApp/2.23.20.0 A",
    "Twitterbot/1.0",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; "
    "+http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/102.0.0.0 Safari/537.36 BingPreview/1.0b",
    "Mozilla/5.0 (compatible; Applebot/0.1; +http://www.apple.com/go/applebot)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.10730; Pro)",
    "Mozilla/5.0 (compatible; Microsoft SafeLinks)",
    "BarracudaCentral/1.0 (link scanner)",
    "Mozilla/5.0 (compatible; Proofpoint URL Defense; +https://www.proofpoint.com)",
    "Mozilla/5.0 (compatible; Mimecast URL Protect)",
    "Mozilla/5.0 (Windows NT 5.1) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0.0.0 Safari/537.36",
    "curl/8.5.0",
    "Wget/1.21.3",
    "python-requests/2.31.0",
    "python-httpx/0.27.0",
    "Go-http-client/2.0",
    "okhttp/4.12.0",
    "",
]

PEOPLE = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
    "Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 12; CUBOT NOTE 30) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; CUBOT_X30) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 "
    "[FBAN/FBIOS;FBAV/440.0.0.32.101;FBBV/541345;FBDV/iPhone14,5]",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148 Instagram 300.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/120.0.0.0 Safari/537.36 Edg/120.0",
]

AHEAD = [
    {"sec-purpose": "prefetch"},
    {"sec-purpose": "prefetch;prerender"},
    {"purpose": "prefetch"},
    {"x-purpose": "preview"},
    {"x-moz": "prefetch"},
]

STEPS = ("", "/apple", "/google", "/qr.svg", "/apple/x.pkpass", "?lang=de")


def test_programs_call_themselves_what_they_are() -> None:
    asked = [RequestFactory().get("/", headers={"user-agent": agent}) for agent in PROGRAMS]
    assert [request.headers["User-Agent"] for request in asked if not is_automatic(request)] == []
    assert is_automatic(RequestFactory().get("/"))


def test_people_are_people() -> None:
    asked = [RequestFactory().get("/", headers={"user-agent": agent}) for agent in PEOPLE]
    assert [request.headers["User-Agent"] for request in asked if is_automatic(request)] == []


@pytest.mark.parametrize("headers", AHEAD, ids=str)
def test_what_is_fetched_ahead_is_nobodys_look(headers: dict[str, str]) -> None:
    person = {"user-agent": PEOPLE[0]}
    assert is_automatic(RequestFactory().get("/", headers={**person, **headers}))
    assert is_automatic(RequestFactory().head("/", headers=person))
    assert not is_automatic(RequestFactory().get("/", headers=person))


@pytest.mark.parametrize(
    "headers", [{"user-agent": f"{PEOPLE[0]}{' ' * 512}curl bot/1.0"}, {"purpose": f"{'x' * 512} prefetch"}]
)
def test_no_more_of_a_header_is_read_than_a_browser_fills(headers: dict[str, str]) -> None:
    assert not is_automatic(RequestFactory().get("/", headers={"user-agent": PEOPLE[0], **headers}))


@pytest.mark.parametrize("standing", STANDINGS)
def test_no_program_changes_a_row(
    client: Client, acme: Account, acme_identity: AppleIdentity, standing: str
) -> None:
    path = STANDINGS[standing][0](acme)
    before = standings.every_row()
    for headers in [{"user-agent": agent} for agent in PROGRAMS] + AHEAD:
        for step in STEPS:
            assert client.head(f"{path}{step}", headers=headers).status_code < 500
            assert client.get(f"{path}{step}", headers=headers).status_code < 500
    assert standings.every_row() == before


def test_programs_are_no_networks_that_open_a_url(client: Client, acme: Account, limited: None) -> None:
    Account.objects.filter(pk=acme.pk).update(suspicion_thresholds={"opened_from_many_networks": [2, 3600]})
    path = standings.ready(acme)
    lists: Any = caches["default"]
    lists.pop_all(suspicion.QUEUE)
    person = {"user-agent": PEOPLE[0]}
    for n, headers in enumerate([{"user-agent": agent} for agent in PROGRAMS] + AHEAD):
        assert client.get(path, headers=headers, REMOTE_ADDR=f"203.0.{n}.9").status_code == 200
        assert client.head(path, headers=person, REMOTE_ADDR=f"10.0.{n}.9").status_code == 200
    assert lists.pop_all(suspicion.QUEUE) == []
    for n in range(3):
        client.get(path, headers=person, REMOTE_ADDR=f"203.0.{n}.9")
    assert len(lists.pop_all(suspicion.QUEUE)) == 1

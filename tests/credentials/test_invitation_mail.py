"""What is in an invitation, read as a mail client reads it: two bodies, one look, and nothing to fetch."""

from __future__ import annotations

import email
import re
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from html.parser import HTMLParser

import pytest
from django.core import mail
from pytest_django import Settings

from credentials import invitations
from credentials.branding import update_branding
from credentials.models import Account, Branding, Credential
from tests import factories
from tests.credentials.pictures import png

REMOTE = re.compile(r"(?:src|background|srcset)\s*=|url\(|@import|<link|<script", re.IGNORECASE)


class Links(HTMLParser):
    """The addresses that a page loads, and those that it leads to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.leading: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes the addresses of an element."""
        for name, value in attrs:
            if name in ("src", "srcset", "background", "poster"):
                self.loaded.append(value or "")
            if name == "href":
                self.leading.append(value or "")


def received(account: Account, *, language: str = "", first_name: str = "Ada") -> EmailMessage:
    """The mail as it comes out of a mailbox."""
    person = factories.person(account, first_name=first_name, email="ada@example.org", language=language)
    kind = factories.credential_type(account, label="Gold & Silver")
    credential = factories.credential(account, holder=person, credential_type=kind)
    invitations.invite(Credential.objects.get(pk=credential.pk), actor="test")
    assert invitations.send_due() == 1
    return email.message_from_bytes(mail.outbox[-1].message().as_bytes(), policy=policy.default)


def body(message: EmailMessage, kind: str) -> str:
    """The text or the page that a client chooses to show."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


@pytest.fixture
def dressed(acme: Account) -> Branding:
    """Acme with all that it may say."""
    texts = {"de": {"name": "Acme Sport", "help": "Am Tresen helfen wir."}, "en": {"help": "Ask us."}}
    return update_branding(
        acme,
        actor="test",
        logo=png(400, 100),
        accent_color="#ffe34d",
        contact_email="desk@acme.example",
        contact_phone="+41 (0)44 123 45 67",
        contact_url="https://acme.example/help",
        texts=texts,
    )


def test_the_logo_travels_inside_and_nothing_is_fetched(acme: Account, dressed: Branding) -> None:
    message = received(acme)
    [logo] = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert logo.get_content_disposition() == "inline"
    assert logo.get_content() == bytes(dressed.logo or b"")
    links = Links(body(message, "html"))
    assert links.loaded == [f"cid:{str(logo['Content-ID']).strip('<>')}"]
    assert len(REMOTE.findall(body(message, "html"))) == 1
    tokens = {link for link in links.leading if "/passes/" in link}
    assert len(tokens) == 1
    assert set(links.leading) - tokens == {
        "mailto:desk@acme.example",
        "tel:+41441234567",
        "https://acme.example/help",
    }


def test_a_plain_account_sends_a_mail_without_pictures(acme: Account) -> None:
    message = received(acme)
    assert message.get_content_type() == "multipart/alternative"
    assert Links(body(message, "html")).loaded == []
    assert "Help from" not in body(message, "plain")
    assert message["Reply-To"] is None


def test_it_says_that_nobody_wrote_it_and_where_answers_go(
    acme: Account, dressed: Branding, settings: Settings
) -> None:
    settings.BASE_URL = "https://passes.example"
    settings.DEFAULT_FROM_EMAIL = "PassFlow <passes@mail.example>"
    message = received(acme)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Reply-To"] == "desk@acme.example"
    assert message["From"] == "Acme Gym <passes@mail.example>"
    assert message["Message-ID"].endswith("@passes.example>")


@pytest.mark.parametrize(
    ("persons", "accounts", "language"), [("de", "en", "de"), ("", "de", "de"), ("en", "de", "en")]
)
def test_it_is_written_in_the_persons_language_or_else_in_the_accounts(
    acme: Account, dressed: Branding, persons: str, accounts: str, language: str
) -> None:
    acme.language = accounts
    acme.save()
    message = received(acme, language=persons)
    name, words = {"de": ("Acme Sport", "Am Tresen helfen wir."), "en": ("Acme Sport", "Ask us.")}[language]
    if accounts == "en" and language == "en":
        name = "Acme Gym"
    assert message["From"].startswith(name)
    assert f'lang="{language}"' in body(message, "html")
    assert words in body(message, "plain")
    assert words in body(message, "html")
    assert ("Hello Ada" in body(message, "plain")) is (language == "en")


def test_answers_and_questions_go_to_the_contact_of_the_language(acme: Account, dressed: Branding) -> None:
    update_branding(acme, texts={"de": {"contact_email": "tresen@acme.example"}}, actor="test")
    german = received(acme, language="de")
    acme.people.update(email="")
    english = received(acme, language="en")
    assert (german["Reply-To"], english["Reply-To"]) == ("tresen@acme.example", "desk@acme.example")
    for kind in ("plain", "html"):
        assert "tresen@acme.example" in body(german, kind)
        assert "+41 (0)44 123 45 67" in body(german, kind)
        assert "desk@acme.example" in body(english, kind)


def test_arabic_runs_from_right_to_left_whatever_a_client_drops(acme: Account, dressed: Branding) -> None:
    page = body(received(acme, language="ar"), "html").partition("<body")[2]
    [table, *_] = re.findall("<table[^>]*>", page)
    assert 'lang="ar" dir="rtl"' in table
    links = re.findall("<a [^>]*>[^<]*[@+/:][^<]*</a>", page)
    assert len(links) == 4
    assert all('dir="ltr"' in link for link in links)


@pytest.mark.parametrize(
    ("language", "greeting"),
    [("en", "Hello Ada Lovelace,"), ("de", "Ada Lovelace"), ("ja", "Lovelace Ada 様")],
)
def test_people_are_greeted_by_their_full_name(acme: Account, language: str, greeting: str) -> None:
    message = received(acme, language=language)
    for kind in ("plain", "html"):
        assert greeting in body(message, kind)


@pytest.mark.parametrize("name", ["é" * 100, "株式会社 " * 19 + "東京", "A" * 99 + "é", "Müller, “Gym” <x>"])
def test_a_name_beyond_ascii_is_encoded_in_words_of_the_allowed_length(acme: Account, name: str) -> None:
    Account.objects.update(name=name)
    received(acme)
    raw = mail.outbox[-1].message()
    for header in ("From", "Subject"):
        assert max(len(word) for word in str(raw[header]).split()) <= 75
    words, _ = parseaddr(str(raw["From"]))
    assert str(make_header(decode_header(words))) == name
    assert str(make_header(decode_header(str(raw["Subject"])))) == f"Your Gold & Silver from {name}"


def test_the_button_has_the_accounts_colour_and_an_ink_that_can_be_read(
    acme: Account, globex: Account, dressed: Branding
) -> None:
    assert "background: #ffe34d; color: #000000;" in body(received(acme), "html")
    assert "background: #14171f; color: #ffffff;" in body(received(globex), "html")


def test_it_knows_the_dark(acme: Account) -> None:
    page = body(received(acme), "html")
    assert '<meta name="color-scheme" content="light dark">' in page
    assert "prefers-color-scheme: dark" in page


def test_names_can_smuggle_neither_markup_nor_headers(acme: Account) -> None:
    Account.objects.update(name="Acme\r\nBcc: all@example.org")
    message = received(acme, first_name="<a href=x>")
    assert message["Bcc"] is None
    assert message["To"] == "ada@example.org"
    assert "<a href=x>" not in body(message, "html")
    assert "Hello <a href=x> Lovelace," in body(message, "plain")

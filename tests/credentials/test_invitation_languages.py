"""Invitations are written in the language of the person, else in the account's."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from credentials.invitation_mail import invitation_mail
from credentials.models import Account, Branding, Credential
from tests import factories
from tests.catalogues import TRANSLATED

URL = "https://passes.example/passes/0123456789abcdefghjkmnpqrs"
# What is the same in every language.
NAMES = {"Acme Gym", "Membership", URL, "help@acme.example"}


@pytest.fixture
def credential(acme: Account) -> Credential:
    """A credential whose link ends some day, of an account that can be asked."""
    Branding.objects.create(account=acme, contact_email="help@acme.example")
    credential, _ = factories.credential_and_url(acme, holder=factories.person(acme, first_name="Ada"))
    Credential.objects.filter(pk=credential.pk).update(url_expires_at=datetime(2026, 3, 8, 16, 5, tzinfo=UTC))
    return credential


def texts_of(credential: Credential, *, language: str) -> set[str]:
    """Every line of the mail that somebody of this language gets: the subject, the text, and the HTML."""
    credential.person.language = language
    credential.person.save()
    mail = invitation_mail(Credential.objects.get(pk=credential.pk), url=URL)
    page = str(mail.alternatives[0][0])
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in page
    visible = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    parts = [mail.subject, *mail.body.splitlines(), *re.findall(r">([^<>]+)<", visible)]
    return {part.strip() for part in parts if re.search(r"[^\W\d_]{2}", part)}


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_of_a_mail_is_left_in_english(credential: Credential, language: str) -> None:
    english, translated = (texts_of(credential, language=code) for code in ("en", language))
    assert len(english) > 8
    assert (english & translated) - NAMES == set()


@pytest.mark.parametrize(
    ("language", "moment"),
    [
        ("ar", "8 مارس 2026، 4:05 م"),
        ("de", "8. März 2026 16:05"),
        ("en", "March 8, 2026, 4:05 p.m."),
        ("ja", "2026年3月8日16:05"),
    ],
)
def test_a_mail_writes_times_as_its_language_does(credential: Credential, language: str, moment: str) -> None:
    assert any(moment in text for text in texts_of(credential, language=language))


def test_without_a_language_of_the_person_the_account_speaks(acme: Account, credential: Credential) -> None:
    Account.objects.filter(pk=acme.pk).update(language="fr")
    mail = invitation_mail(Credential.objects.get(pk=credential.pk), url=URL)
    assert mail.body.startswith("Bonjour Ada Lovelace,")

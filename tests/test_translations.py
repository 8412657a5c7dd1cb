"""The catalogues of `locale/`: complete, current, and with all that a text leaves to be filled in."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

from redemption.standing_words import STANDINGS, STATUS, STATUS_CHANGED, WORDS
from tests import catalogues
from tests.catalogues import TRANSLATED

PLACEHOLDER = re.compile(r"%\(\w+\)s|<[^>]+>")

in_each_language = pytest.mark.parametrize("language", TRANSLATED)


def test_every_language_has_a_catalogue_and_no_other_has() -> None:
    assert sorted(path.name for path in catalogues.LOCALE.iterdir()) == TRANSLATED
    assert TRANSLATED == ["ar", "de", "es", "fr", "it", "ja", "nl", "pt"]
    assert set(WORDS) == dict(settings.LANGUAGES).keys()


@in_each_language
def test_a_catalogue_holds_what_passholders_read_and_nothing_else(language: str) -> None:
    texts = catalogues.entries(catalogues.po_of(language)).keys() - {""}
    assert texts == catalogues.asked(), "make messages"


@in_each_language
def test_no_translation_is_missing_doubtful_or_left_over(language: str) -> None:
    po = catalogues.po_of(language)
    assert [text for text, words in catalogues.entries(po).items() if not words.strip()] == []
    assert "#, fuzzy" not in po
    assert "#~" not in po


@in_each_language
def test_what_django_reads_is_what_was_translated(language: str) -> None:
    assert catalogues.compiled(language) == catalogues.entries(catalogues.po_of(language)), "make messages"


@in_each_language
def test_a_translation_leaves_room_for_the_same_names_and_days(language: str) -> None:
    words_of = catalogues.entries(catalogues.po_of(language))
    for text in words_of.keys() - {""}:
        words = words_of[text]
        assert sorted({*PLACEHOLDER.findall(text)}) == sorted({*PLACEHOLDER.findall(words)}), text
        assert words.count("%") == len(re.findall(r"%\(\w+\)s", words)), text


@in_each_language
def test_a_pass_and_its_page_use_the_same_words(language: str) -> None:
    words = catalogues.entries(catalogues.po_of(language))
    on_passes = WORDS[language]
    assert on_passes.keys() == {STATUS, STATUS_CHANGED, *STANDINGS.values()}
    assert on_passes[STATUS_CHANGED].endswith("%@")
    assert words["Suspended"] == on_passes["Suspended"]
    assert words["Withdrawn"] == on_passes["Revoked"]
    assert words["Expired"] == on_passes["Expired"]
    assert words["Replaced"] == on_passes["Replaced"]


@pytest.mark.parametrize(
    ("po", "texts"),
    [
        ('msgid "One"\nmsgstr "Eins"\n', {"One": "Eins"}),
        ('msgid ""\n"A "\n"B\\n"\nmsgstr ""\n"„\\"C\\"“"\n', {"A B\n": '„"C"“'}),
        ('msgid "A"\nmsgstr ""\n\nmsgid "B"\nmsgstr "C"\n', {"A": "", "B": "C"}),
    ],
)
def test_catalogues_are_read_as_gettext_reads_them(po: str, texts: dict[str, str]) -> None:
    assert catalogues.entries(po) == texts

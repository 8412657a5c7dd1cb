"""A text in the languages it was written in: what each phone shows is what an iPhone would."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from redemption.google.localization import localized
from redemption.standing_words import WORDS

Localizations = Mapping[str, Mapping[str, str]]


def shown(text: str, localizations: Localizations, *, language: str) -> str:
    """What a phone of that language shows."""
    string = localized(text, localizations)
    choices = [string["defaultValue"], *string["translatedValues"]]
    return str(next((one["value"] for one in choices if one["language"] == language), choices[0]["value"]))


def languages(text: str, localizations: Localizations) -> list[str]:
    string = localized(text, localizations)
    return [one["language"] for one in (string["defaultValue"], *string["translatedValues"])]


def test_a_text_without_translations_stands_for_itself() -> None:
    assert localized("Ada Lovelace", {}) == {
        "defaultValue": {"language": "en", "value": "Ada Lovelace"},
        "translatedValues": [],
    }


def test_a_text_is_shown_in_each_language_that_has_it() -> None:
    localizations = {"de": {"Member": "Mitglied"}, "zh-Hans": {"Member": "会员"}, "fr": {"Level": "Niveau"}}
    for language, word in {"de": "Mitglied", "zh-Hans": "会员", "fr": "Member", "en": "Member"}.items():
        assert shown("Member", localizations, language=language) == word


def test_a_design_in_another_language_than_english_stays_in_it() -> None:
    localizations = {"en": {"Mitglied": "Member"}}
    assert shown("Mitglied", localizations, language="en") == "Member"
    for language in ("de", "fr", "sv"):
        assert shown("Mitglied", localizations, language=language) == "Mitglied"


@pytest.mark.parametrize("language", WORDS)
def test_the_standing_is_said_in_every_language_that_passes_speak(language: str) -> None:
    for text, word in WORDS[language].items():
        assert shown(text, {}, language=language) == word


def test_the_word_of_a_design_wins() -> None:
    assert shown("Suspended", {"de": {"Suspended": "Pausiert"}}, language="de") == "Pausiert"


@pytest.mark.parametrize("text", ["Status", "Member", "Ada"])
def test_no_language_is_named_twice_and_no_word_is_empty(text: str) -> None:
    localizations = {"de": {"Member": "Mitglied"}, "en": {"Member": "Member"}, "fr": {"Member": ""}}
    named = languages(text, localizations)
    assert len(set(named)) == len(named)
    string = localized(text, localizations)
    assert all(one["value"] for one in (string["defaultValue"], *string["translatedValues"]))

"""Texts as Google takes them: one for everybody, and what it is in the languages that it was written in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redemption.standing_words import WORDS

# In this order a text without a language is taken for one that it was not translated into.
_LANGUAGES = ("en", *(language for language in WORDS if language != "en"))


def localized(text: str, localizations: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """`text` as a LocalizedString; a design's own word wins over those for the standing.

    Google wants a language for the default as well. A design does not say in which it is written, but
    surely in none that this text was translated into.
    """
    words = {
        language: {**WORDS.get(language, {}), **localizations.get(language, {})}
        for language in sorted(WORDS.keys() | localizations.keys())
    }
    translated = {language: texts[text] for language, texts in words.items() if texts.get(text)}
    spoken = next((language for language in _LANGUAGES if language not in translated), _LANGUAGES[0])
    return {
        "defaultValue": {"language": spoken, "value": translated.pop(spoken, text)},
        "translatedValues": [
            {"language": language, "value": translation} for language, translation in translated.items()
        ],
    }

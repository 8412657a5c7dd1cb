"""Writes pass.strings: the texts of a pass in other languages, the words for its standing among them."""

from __future__ import annotations

from collections.abc import Mapping

from redemption.standing_words import WORDS


def strings_files(localizations: Mapping[str, Mapping[str, str]]) -> dict[str, bytes]:
    """Return `xx.lproj/pass.strings` for every language of the design and of the words for the standing.

    UTF-16 with a byte order mark: what Apple recommends for texts beyond ASCII. A design's own word wins.
    """
    return {
        f"{language}.lproj/pass.strings": _strings(
            {**WORDS.get(language, {}), **localizations.get(language, {})}
        )
        for language in sorted(WORDS.keys() | localizations.keys())
    }


def _strings(translations: Mapping[str, str]) -> bytes:
    lines = [f'"{_escape(text)}" = "{_escape(words)}";\n' for text, words in sorted(translations.items())]
    return ("\ufeff" + "".join(lines)).encode("utf-16-le")


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n").replace("\r", r"\r")

"""Days and times as each language writes them, where the formats of Django do not suffice."""

from __future__ import annotations

from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import get_language

# Django's months have capitals in these, as if each stood alone.
_MONTHS_ARE_SMALL = ("it", "pt")


def written(moment: datetime, form: str) -> str:
    """A moment in a format of the current language, such as `DATE_FORMAT`, by the clock that it names."""
    text, language = date_format(moment, form), get_language()
    if language in _MONTHS_ARE_SMALL:
        return text.lower()
    if language == "fr" and text.startswith("1 "):
        return f"1er {text[2:]}"
    return text

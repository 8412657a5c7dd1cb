"""The style of the passholder's pages, within the pages: the first answer brings all of a first look.

No policy lets a page hold styles that it did not announce. Each of these is announced by its digest
(CSP Level 3, section 6.6.2.3), so that whatever else finds its way into a page is still refused.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from functools import lru_cache
from pathlib import Path

from credentials.contrast import ink_on

_WRITTEN = Path(__file__).resolve().parent.parent / "templates" / "redemption" / "page.css"


def source(style: str) -> str:
    """What a policy calls a style that it allows."""
    return f"'sha256-{b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"


def _without_comments(style: str) -> str:
    """Without what only people read: comments, and the ends and beginnings of lines."""
    return re.sub(r"\s*\n\s*", "", re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL))


PAGE = _without_comments(_WRITTEN.read_text())
PAGE_SOURCE = source(PAGE)
PAGE_ELEMENT = f"<style>{PAGE}</style>"


@lru_cache(maxsize=1024)
def accent(colour: str) -> str:
    """The style that makes buttons `#rrggbb`, with an ink that can be read on it."""
    return f":root{{--button:{colour};--button-ink:{ink_on(colour)}}}"


@lru_cache(maxsize=1024)
def accent_source(colour: str) -> str:
    """What a policy calls that style; empty without a colour."""
    return source(accent(colour)) if colour else ""

"""Characters that no text may hold: they cannot be stored or shown, or change how others are shown."""

from __future__ import annotations

import re

_CONTROL = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # escapes, ends of lines
    "\u2028\u2029"  # ends of lines and paragraphs
    "\u202a-\u202e\u2066-\u2069"  # whoever writes one of these turns what follows around (UAX #9)
    "\ud800-\udfff"  # a lone half of a character: no text at all
    "]"
)


def control_in(text: str, *, allowed: str = "") -> str:
    """The first such character of `text` by its name, such as `U+202E`; empty when there is none."""
    found = next((letter for letter in _CONTROL.findall(text) if letter not in allowed), "")
    return f"U+{ord(found):04X}" if found else ""

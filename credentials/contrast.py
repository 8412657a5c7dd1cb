"""Whether a text can be read on a colour (WCAG 2.2, success criterion 1.4.3)."""

from __future__ import annotations

# One of them has at least 4.58 on any colour.
LIGHT, DARK = "#ffffff", "#000000"
# For text of ordinary size, level AA.
ENOUGH = 4.5


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two `#rrggbb` colours, 1 to 21, as WCAG defines it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def ink_on(ground: str) -> str:
    """The light or the dark ink, whichever is read better on `ground`."""
    return max((LIGHT, DARK), key=lambda ink: contrast(ink, ground))


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in bytes.fromhex(colour[1:]))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)

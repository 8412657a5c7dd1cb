"""The vendors' official badges, where the operator has put them: we may not pass them on ourselves."""

from __future__ import annotations

from functools import lru_cache

from django import template
from django.conf import settings
from django.templatetags.static import static

register = template.Library()

FORMATS = ("svg", "png")


@register.simple_tag
def wallet_badge(wallet: str, language: str) -> str:
    """The address of `badges/apple-de.svg`, else of `badges/apple.svg` or a PNG, else empty."""
    return _address(str(wallet), language)


@lru_cache(maxsize=64)
def _address(wallet: str, language: str) -> str:
    for name in (f"{wallet}-{language}", wallet):
        for suffix in FORMATS:
            if (settings.BADGES_DIR / f"{name}.{suffix}").is_file():
                return static(f"badges/{name}.{suffix}")
    return ""

"""The styles of the passholder's pages, as elements."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString, mark_safe

from redemption import styles

register = template.Library()


@register.simple_tag
def page_style() -> SafeString:
    """What all pages have."""
    return _element(styles.PAGE)


@register.simple_tag
def accent_style(colour: str) -> SafeString:
    """The buttons of an account."""
    return _element(styles.accent(colour))


def _element(style: str) -> SafeString:
    return mark_safe(f"<style>{style}</style>")  # noqa: S308 - ours; the one colour in it was checked

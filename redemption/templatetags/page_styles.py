"""The styles of the passholder's pages, as elements."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString, mark_safe

from redemption import styles

register = template.Library()


@register.simple_tag
def page_style() -> SafeString:
    """What all pages have."""
    return mark_safe(styles.PAGE_ELEMENT)  # noqa: S308 - ours


@register.simple_tag
def accent_style(colour: str) -> SafeString:
    """The buttons of an account."""
    return mark_safe(f"<style>{styles.accent(colour)}</style>")  # noqa: S308 - the colour was checked

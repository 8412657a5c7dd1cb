"""Telephone numbers, as templates link to them."""

from __future__ import annotations

import re

from django import template

register = template.Library()

# Whoever dials the country's code leaves this zero out.
_TRUNK = re.compile(r"\(\s*0\s*\)")


@register.filter
def tel(number: str) -> str:
    """The address of a number (RFC 3966): `+49 (0)30/123-45` is `tel:+493012345`."""
    plus = "+" if number.startswith("+") else ""
    return f"tel:{plus}{re.sub('[^0-9]', '', _TRUNK.sub('', number))}"

"""QR codes, drawn here: a secret is not sent to anybody who draws them."""

from __future__ import annotations

import segno
from django.utils.safestring import SafeString, mark_safe


def inline_qr(text: str, *, title: str) -> SafeString:
    """An SVG element for a page, black on white with its quiet zone, without any style or script."""
    code = segno.make(text, micro=False)
    drawn = code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", title=title)
    return mark_safe(drawn)  # noqa: S308 - a drawing; segno escapes the title

"""A design and the facts of a pass, with defaults that are good, for tests to change one thing in."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from credentials.pass_fields import PassField
from redemption.apple.design import PassDesign
from redemption.apple.pass_content import ApplePassFacts


def png(width: int, height: int) -> bytes:
    """Draw a grey PNG."""
    rows = (b"\0" + b"\x80" * width) * height
    header = struct.pack(">2L5B", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data)
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )


def design(**changes: Any) -> PassDesign:
    """Return a design for a gym card."""
    attributes = {
        "style": "generic",
        "organization_name": "Acme Gym",
        "description": "Acme membership card",
        "logo_text": "Acme",
        "background_color": "#102030",
        "foreground_color": "#ffffff",
        "label_color": "#C0FFEE",
        "fields": (
            PassField("primary", "name", "{full_name}", label="Member"),
            PassField("secondary", "valid", "{expires_at}", label="Valid to", date_style="medium"),
            PassField("back", "mail", "{email}", label="E-mail"),
        ),
        "localizations": {"de": {"Member": "Mitglied"}},
        "images": {"icon.png": png(29, 29), "icon@2x.png": png(58, 58), "logo.png": png(160, 50)},
    }
    return PassDesign(**{**attributes, **changes})


def facts(**changes: Any) -> ApplePassFacts:
    """Return the facts of an active pass of Ada Lovelace."""
    attributes = {
        "serial_number": "serial-0001",
        "authentication_token": "a-token-of-at-least-16-characters",
        "web_service_url": "https://pass.example.com/apple",
        "value": "k3yed-mac-0f-the-serial",
        "holder": {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"},
    }
    return ApplePassFacts(**{**attributes, **changes})


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

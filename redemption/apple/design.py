"""The look of the passes of one kind, in Apple's terms and apart from the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from credentials.pass_fields import PassField


@dataclass(frozen=True)
class PassDesign:
    """Colours are `#rrggbb`, images PNG by file name; `credentials.design_rules` has accepted all of it."""

    style: str
    organization_name: str
    description: str
    logo_text: str = ""
    background_color: str = ""
    foreground_color: str = ""
    label_color: str = ""
    fields: tuple[PassField, ...] = ()
    transit_type: str = ""
    barcode_format: str = "qr"
    barcode_alt_text: bool = False
    nfc_public_key: str = ""
    nfc_requires_authentication: bool = False
    sharing_prohibited: bool = False
    user_info: Mapping[str, Any] = field(default_factory=dict)
    localizations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    images: Mapping[str, bytes] = field(default_factory=dict, repr=False)

"""What an issuer designs of an Apple pass, and the rules that a design keeps before a pass is made of it."""

from __future__ import annotations

import base64
import binascii
import json
import re
import struct
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

PLACEHOLDERS = frozenset(
    ["first_name", "last_name", "full_name", "email", "system_id", "label", "value", "expires_at"]
)
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# Keys of the fields that every pass, or every pass that is not active, has of its own.
STATUS_KEY, STANDING_KEY = "status", "standing"

Size = tuple[int, int]
EVERY_STYLE: Mapping[str, Size] = {"icon": (29, 29), "logo": (160, 50)}
# Image names and their largest size in points, style by style.
IMAGES: Mapping[str, Mapping[str, Size]] = {
    "generic": {**EVERY_STYLE, "thumbnail": (90, 90)},
    "storeCard": {**EVERY_STYLE, "strip": (375, 144)},
    "coupon": {**EVERY_STYLE, "strip": (375, 144)},
    "eventTicket": {**EVERY_STYLE, "strip": (375, 98), "thumbnail": (90, 90), "background": (180, 220)},
    "boardingPass": {**EVERY_STYLE, "footer": (286, 15)},
}
FIELD_COUNTS: Mapping[str, int] = {"header": 3, "primary": 1, "secondary": 4, "auxiliary": 4}
BOARDING_PASS_COUNTS: Mapping[str, int] = {**FIELD_COUNTS, "primary": 2, "auxiliary": 5}
BESIDE_SQUARE_BARCODE = 4
AREAS = (*FIELD_COUNTS, "back")
TRANSIT_TYPES = ("air", "boat", "bus", "generic", "train")
BARCODE_FORMATS = ("qr", "pdf417", "aztec", "code128", "none")
SQUARE_BARCODES = ("qr", "aztec")
TEXT_ALIGNMENTS = ("", "left", "center", "right", "natural")
DATE_STYLES = ("", "none", "short", "medium", "long", "full")
# A device gives up on a pass above 15 MB; this leaves room for the rest of it.
MOST_IMAGE_BYTES = 10_000_000


class DesignRefused(ValueError):
    """A design that Wallet would refuse or show badly; `field` names the attribute, `reason` says why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class PassField:
    """One field of a pass; `value` may hold placeholders such as `{full_name}`."""

    area: str
    key: str
    value: str
    label: str = ""
    change_message: str = ""
    text_alignment: str = ""
    date_style: str = ""
    time_style: str = ""
    is_relative: bool = False

    @property
    def is_date(self) -> bool:
        """Whether the device formats the value, which then is a time stamp."""
        return bool(self.date_style or self.time_style)


@dataclass(frozen=True)
class PassDesign:
    """The look of the passes of one kind; colours are `#rrggbb`, images are PNG by file name."""

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


def check_design(design: PassDesign) -> None:
    """Raise DesignRefused, which names the attribute, unless Wallet can show passes of this design."""
    _check_style(design)
    _check_appearance(design)
    for pass_field in design.fields:
        _check_field(pass_field)
    _check_keys(design)
    _check_counts(design)
    _check_nfc(design)
    _check_user_info(design)
    for language, translations in design.localizations.items():
        _check_translations(language, translations)
    _check_images(design)


def _check_style(design: PassDesign) -> None:
    _check_choice("style", design.style, among=IMAGES)
    if design.style == "boardingPass":
        _check_choice("transit_type", design.transit_type, among=TRANSIT_TYPES)
    elif design.transit_type:
        raise DesignRefused("transit_type", "Only a boarding pass has a transit type.")
    _check_choice("barcode_format", design.barcode_format, among=BARCODE_FORMATS)


def _check_choice(name: str, value: str, *, among: Collection[str]) -> None:
    if value not in among:
        raise DesignRefused(name, f"“{value}” is not one of {', '.join(filter(None, among))}.")


def _check_appearance(design: PassDesign) -> None:
    for name in ("organization_name", "description"):
        if not getattr(design, name).strip():
            raise DesignRefused(name, "This is required.")
    for name in ("background_color", "foreground_color", "label_color"):
        color = getattr(design, name)
        if color and not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
            raise DesignRefused(name, f"“{color}” is not a colour written #rrggbb.")


def _check_field(pass_field: PassField) -> None:
    try:
        _check_choice("area", pass_field.area, among=AREAS)
        _check_choice("text_alignment", pass_field.text_alignment, among=TEXT_ALIGNMENTS)
        _check_choice("date_style", pass_field.date_style, among=DATE_STYLES)
        _check_choice("time_style", pass_field.time_style, among=DATE_STYLES)
        _check_value(pass_field)
    except DesignRefused as refusal:
        raise DesignRefused("fields", f"“{pass_field.key}”, {refusal.field}: {refusal}") from refusal


def _check_value(pass_field: PassField) -> None:
    unknown = set(PLACEHOLDER.findall(pass_field.value)) - PLACEHOLDERS
    if unknown:
        raise DesignRefused("value", f"There is no placeholder {{{min(unknown)}}}.")
    if not pass_field.value:
        raise DesignRefused("value", "This is required.")
    if pass_field.is_date and pass_field.value != "{expires_at}" and not _is_time(pass_field.value):
        raise DesignRefused("value", "A date is {expires_at} or an ISO 8601 time with its zone.")
    if pass_field.change_message and "%@" not in pass_field.change_message:
        raise DesignRefused("change_message", "Without %@ the device shows no message.")


def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _check_keys(design: PassDesign) -> None:
    for key, times in Counter(pass_field.key for pass_field in design.fields).items():
        if not key or key in (STATUS_KEY, STANDING_KEY):
            raise DesignRefused("fields", f"The key “{key}” cannot be used.")
        if times > 1:
            raise DesignRefused("fields", f"The key “{key}” is used {times} times.")


def _check_counts(design: PassDesign) -> None:
    counts = Counter(pass_field.area for pass_field in design.fields)
    boarding_pass = design.style == "boardingPass"
    for area, most in (BOARDING_PASS_COUNTS if boarding_pass else FIELD_COUNTS).items():
        if counts[area] > most:
            raise DesignRefused("fields", f"There are {counts[area]} {area} fields, Wallet shows {most}.")
    beside = counts["secondary"] + counts["auxiliary"]
    if design.barcode_format in SQUARE_BARCODES and beside > BESIDE_SQUARE_BARCODE and not boarding_pass:
        found = f"There are {beside} secondary and auxiliary fields"
        raise DesignRefused(
            "fields", f"{found}, beside a square barcode Wallet shows {BESIDE_SQUARE_BARCODE}."
        )


def _check_nfc(design: PassDesign) -> None:
    if not design.nfc_public_key:
        return
    try:
        key = serialization.load_der_public_key(base64.b64decode(design.nfc_public_key, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise DesignRefused(
            "nfc_public_key", "This is not the base64 form of an X.509 public key."
        ) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise DesignRefused("nfc_public_key", "This is not a key on the curve P-256.")


def _check_user_info(design: PassDesign) -> None:
    try:
        json.dumps(design.user_info)
    except (TypeError, ValueError) as error:
        raise DesignRefused("user_info", "This cannot be written as JSON.") from error


def _check_translations(language: str, translations: Mapping[str, str]) -> None:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?", language):
        raise DesignRefused("localizations", f"“{language}” is not a language such as de, pt-BR or zh-Hans.")
    for text, translation in translations.items():
        # The device translates the filled text, which differs from holder to holder.
        if PLACEHOLDER.search(text):
            raise DesignRefused("localizations", f"“{text}” holds a placeholder and cannot be translated.")
        if ("%@" in text) != ("%@" in translation):
            raise DesignRefused("localizations", f"%@ stands in only one of “{text}” and “{translation}”.")


def _check_images(design: PassDesign) -> None:
    if "icon.png" not in design.images:
        raise DesignRefused("images", "Without an icon.png Wallet refuses a pass in silence.")
    for name, png in design.images.items():
        _check_image(name, png, sizes=IMAGES[design.style])
    kinds = {re.split("[@.]", name)[0] for name in design.images}
    if design.style == "eventTicket" and "strip" in kinds and kinds & {"background", "thumbnail"}:
        raise DesignRefused("images", "An event ticket has a strip, or else a background and a thumbnail.")
    if sum(map(len, design.images.values())) > MOST_IMAGE_BYTES:
        raise DesignRefused("images", f"Together they have more than {MOST_IMAGE_BYTES} bytes.")


def _check_image(name: str, png: bytes, *, sizes: Mapping[str, Size]) -> None:
    known = re.fullmatch(r"([a-z]+)(?:@([23])x)?\.png", name)
    if known is None or known[1] not in sizes:
        raise DesignRefused(
            "images", f"“{name}” is not an image of this style, which are {', '.join(sizes)}."
        )
    if not png.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") or not png.endswith(b"IEND\xaeB`\x82"):
        raise DesignRefused("images", f"{name} is not a whole PNG file.")
    width, height = struct.unpack(">2L", png[16:24])
    most_width, most_height = (points * int(known[2] or 1) for points in sizes[known[1]])
    if width > most_width or height > most_height:
        raise DesignRefused(
            "images", f"{name} has {width} by {height} pixels, at most {most_width} by {most_height}."
        )

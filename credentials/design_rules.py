"""What a design must keep for either wallet to show its passes, told before anybody holds one."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Set

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from credentials.characters import control_in
from credentials.errors import Invalid
from credentials.images import SIZES, a_pass_of
from credentials.models import CredentialType, DesignImage
from credentials.models.designs import Style
from credentials.pass_fields import LAYOUT, PLACEHOLDER, check_counts, read_fields
from credentials.values import ROTATING_FORMATS

TRANSIT_TYPES = ("air", "boat", "bus", "generic", "train")
MOST_JSON_CHARACTERS = 100_000
DEEPEST_JSON = 20
LARGEST_CODE = 2**31 - 1

_HALF = re.compile("[\ud800-\udfff]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")
_JSON: Mapping[str, type] = {"fields": list, "user_info": dict, "localizations": dict}
_TEXTS = (
    *("label", "organization_name", "description", "logo_text"),
    *("apple_pass_type_identifier", "transit_type", "nfc_public_key"),
)

Role = DesignImage.Role


def check_design(design: CredentialType) -> None:
    """Raises `Invalid`, naming the column, unless passes can be made of this design as it stands."""
    for name, kind in _JSON.items():
        value = getattr(design, name)
        if not isinstance(value, kind):
            raise Invalid(name, f"This must be a JSON {'list' if kind is list else 'object'}.")
        check_json(name, value)
    _check_columns(design)
    for name in _TEXTS:
        _check_text(name, getattr(design, name))
    if not (design.apple_enabled or design.google_enabled):
        raise Invalid("apple_enabled", "A credential is offered for at least one wallet.")
    _check_transit_type(design)
    check_counts(read_fields(design.fields), style=design.style, barcode_format=design.barcode_format)
    if design.google_rotating_barcode and design.barcode_format not in ROTATING_FORMATS:
        raise Invalid("google_rotating_barcode", "Google rotates QR and PDF417 barcodes only.")
    if design.nfc_public_key:
        _check_nfc_public_key(design.nfc_public_key)
    for language, translations in design.localizations.items():
        _check_translations(language, translations)


def check_roles(roles: Set[str], *, style: str, uploaded: Set[str]) -> None:
    """Raises `Invalid`, for an uploaded image or else the style, unless such a pass shows all `roles`."""
    for role in sorted(roles - SIZES[style].keys()):
        raise Invalid("style", f"{a_pass_of(style)} shows no {role}; remove that image first.")
    behind = {Role.BACKGROUND, Role.THUMBNAIL} & roles
    if style == Style.EVENT_TICKET and Role.STRIP in roles and behind:
        named = min({Role.STRIP, *behind} & uploaded, default="style")
        raise Invalid(named, "An event ticket shows a strip, or else a background and a thumbnail.")


def check_json(name: str, value: object) -> None:
    """Raises `Invalid` for the column `name` unless every database can keep `value`."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        depth = _depth(value)
    except (TypeError, ValueError, RecursionError):
        raise Invalid(name, "This cannot be written as JSON.") from None
    if depth > DEEPEST_JSON:
        raise Invalid(name, f"This is nested {depth} deep, at most {DEEPEST_JSON}.")
    if len(text) > MOST_JSON_CHARACTERS:
        raise Invalid(name, f"This has {len(text)} characters, at most {MOST_JSON_CHARACTERS}.")
    # json.dumps escapes control characters, but leaves lone halves of others.
    if "\\u0000" in text or _HALF.search(text):
        raise Invalid(name, "This holds a character that cannot be stored.")


def _depth(value: object) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return 1 + max(map(_depth, inner), default=0)


def _check_columns(design: CredentialType) -> None:
    try:
        design.full_clean()
    except ValidationError as error:
        name, sentences = next(iter(error.message_dict.items()))
        # The one rule over several columns is that of the slug.
        if name == NON_FIELD_ERRORS:
            raise Invalid("slug", "Another credential type of this account has this slug.") from None
        raise Invalid(name, sentences[0]) from None
    if design.code is not None and abs(design.code) > LARGEST_CODE:
        raise Invalid("code", f"This is beyond {LARGEST_CODE}.")


def _check_text(name: str, text: object) -> None:
    if not isinstance(text, str):
        raise Invalid(name, "This must be a text.")
    if control := control_in(text, allowed=LAYOUT):
        raise Invalid(name, f"This holds the control character {control}.")


def _check_transit_type(design: CredentialType) -> None:
    if design.style != Style.BOARDING_PASS:
        if design.transit_type:
            raise Invalid("transit_type", "Only a boarding pass has a transit type.")
    elif design.transit_type not in TRANSIT_TYPES:
        raise Invalid("transit_type", f"A boarding pass needs one of {', '.join(TRANSIT_TYPES)}.")


def _check_nfc_public_key(text: str) -> None:
    try:
        key = serialization.load_der_public_key(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise Invalid("nfc_public_key", "This is not the base64 form of an X.509 public key.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Invalid("nfc_public_key", "This key is not on the curve P-256.")


def _check_translations(language: str, translations: object) -> None:
    if not _LANGUAGE.fullmatch(language):
        raise _untranslatable(f"“{language}” is not a language such as de, pt-BR or zh-Hans.")
    if not isinstance(translations, dict):
        raise _untranslatable(f"“{language}” must be an object of texts and their translations.")
    for text, translation in translations.items():
        if not isinstance(translation, str):
            raise _untranslatable(f"The translation of “{text}” must be a text.")
        # The device translates the filled text, which differs from holder to holder.
        if PLACEHOLDER.search(text):
            raise _untranslatable(f"“{text}” holds a placeholder and cannot be translated.")
        if ("%@" in text) != ("%@" in translation):
            raise _untranslatable(f"%@ stands on one side only of “{text}” and “{translation}”.")


def _untranslatable(sentence: str) -> Invalid:
    return Invalid("localizations", sentence)

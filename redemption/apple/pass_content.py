"""Fills a design with the facts of one pass; the scannable value never enters a pass that is not active."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from wallet.models import (  # type: ignore[import-untyped]
    BoardingPass,
    Coupon,
    EventTicket,
    Field,
    Generic,
    StoreCard,
)

from credentials import pass_fields
from credentials.pass_fields import FIELD_COUNTS, RESERVED_KEYS, PassField
from redemption.apple.archive import Content, PassArchive
from redemption.apple.design import PassDesign
from redemption.apple.localization import strings_files
from redemption.apple.signing import SigningIdentity
from redemption.pass_facts import PassFacts
from redemption.standing_words import STANDINGS, STATUS, STATUS_CHANGED

STYLES = {
    "generic": Generic,
    "coupon": Coupon,
    "eventTicket": EventTicket,
    "storeCard": StoreCard,
    "boardingPass": BoardingPass,
}
BARCODE_FORMATS = {
    "qr": "PKBarcodeFormatQR",
    "pdf417": "PKBarcodeFormatPDF417",
    "aztec": "PKBarcodeFormatAztec",
    "code128": "PKBarcodeFormatCode128",
}
MOST_NFC_BYTES = 64
STATUS_KEY, STANDING_KEY = RESERVED_KEYS


@dataclass(frozen=True, kw_only=True)
class ApplePassFacts(PassFacts):
    """With what a device needs to ask for the pass again."""

    authentication_token: str = field(repr=False)
    web_service_url: str


@dataclass(frozen=True)
class PreparedDesign:
    """A design with all work done that its passes share; made once per version of a design, and kept."""

    design: PassDesign
    archive: PassArchive
    content: Content


@dataclass(frozen=True)
class FilledPass:
    """The pass.json of one pass, ready to be packed with the files of its design."""

    content: Content = field(repr=False)
    archive: PassArchive
    identity: SigningIdentity

    def pack(self, *, signed_at: datetime) -> bytes:
        """Return the .pkpass file; `signed_at` is aware."""
        return self.archive.pack(self.content, identity=self.identity, signed_at=signed_at)


def prepare(design: PassDesign) -> PreparedDesign:
    """Lay out what the passes of a design share, which the rules of designs have accepted."""
    information = STYLES[design.style]()
    if design.transit_type:
        information.transitType = _constant("PKTransitType", design.transit_type)
    for pass_field in design.fields:
        getattr(information, f"{pass_field.area}Fields").append(ShownField(pass_field))
    archive = PassArchive(information, files={**design.images, **strings_files(design.localizations)})
    _add_appearance(archive, design)
    return PreparedDesign(design=design, archive=archive, content=archive.content())


def fill(prepared: PreparedDesign, facts: ApplePassFacts, *, identity: SigningIdentity) -> FilledPass:
    """Return the pass that these facts make of a design; times are aware."""
    content = _content(prepared, facts, identity=identity)
    return FilledPass(content=content, archive=prepared.archive, identity=identity)


class ShownField(Field):  # type: ignore[misc]  # wallet-py3k is not typed
    """A field of a pass without the keys that the design leaves open."""

    def __init__(self, pass_field: PassField) -> None:
        super().__init__(pass_field.key, pass_field.value, pass_field.label)
        self.changeMessage = pass_field.change_message
        self.textAlignment = _constant("PKTextAlignment", pass_field.text_alignment)
        self.dateStyle = _constant("PKDateStyle", pass_field.date_style)
        self.timeStyle = _constant("PKDateStyle", pass_field.time_style)
        self.isRelative = pass_field.is_relative

    def json_dict(self) -> Content:
        """Return the field dictionary of pass.json."""
        return {name: value for name, value in vars(self).items() if value}


def _add_appearance(archive: PassArchive, design: PassDesign) -> None:
    archive.organizationName = design.organization_name
    archive.description = design.description
    archive.logoText = design.logo_text
    archive.backgroundColor = _rgb(design.background_color)
    archive.foregroundColor = _rgb(design.foreground_color)
    archive.labelColor = _rgb(design.label_color)
    archive.userInfo = design.user_info
    # What must be unlocked to be used must not be handed on either.
    archive.sharing_prohibited = design.sharing_prohibited or design.nfc_requires_authentication


def _content(prepared: PreparedDesign, facts: ApplePassFacts, *, identity: SigningIdentity) -> Content:
    style = prepared.design.style
    expires_at = _w3c(facts.expires_at) if facts.expires_at else ""
    content = {
        **prepared.content,
        "passTypeIdentifier": identity.pass_type_identifier,
        "teamIdentifier": identity.team_identifier,
        "serialNumber": facts.serial_number,
        "webServiceURL": facts.web_service_url,
        "authenticationToken": facts.authentication_token,
        style: _information(prepared.content[style], facts, expires_at=expires_at),
    }
    if expires_at:
        content["expirationDate"] = expires_at
    if facts.standing != "active":
        return {**content, "voided": True}
    return {**content, **_scannable(prepared.design, value=facts.value, nfc=identity.nfc)}


def _information(designed: Content, facts: PassFacts, *, expires_at: str) -> Content:
    texts = facts.texts()
    information = {
        key: _filled(value, texts, time=expires_at) if isinstance(value, list) else value
        for key, value in designed.items()
    }
    word = STANDINGS[facts.standing]
    status = {"key": STATUS_KEY, "label": STATUS, "value": word, "changeMessage": STATUS_CHANGED}
    # On the back at all times: only a field that was there before announces its change on the lock screen.
    information["backFields"] = [status, *information.get("backFields", [])]
    if facts.standing != "active":
        standing = {"key": STANDING_KEY, "label": STATUS, "value": word}
        headers = [standing, *information.get("headerFields", [])]
        information["headerFields"] = headers[: FIELD_COUNTS["header"]]
    return information


def _filled(fields: list[Content], texts: Mapping[str, str], *, time: str) -> list[Content]:
    filled = [{**field, "value": _value(field, texts, time=time)} for field in fields]
    # Left out when its placeholders are all empty: an empty date would make the whole pass invalid.
    return [field for field in filled if field["value"]]


def _value(field: Content, texts: Mapping[str, str], *, time: str) -> str:
    value: str = field["value"]
    if "{" not in value:
        return value
    if "dateStyle" in field or "timeStyle" in field:
        return time  # {expires_at} is the one placeholder that a date can hold
    return pass_fields.fill(value, texts)


def _scannable(design: PassDesign, *, value: str, nfc: bool) -> Content:
    content: Content = {}
    if design.barcode_format != "none":
        barcode = _barcode(design, value=value)
        content["barcodes"] = [barcode]
        # iOS 8 and earlier read only this older key, and know no Code 128.
        if design.barcode_format != "code128":
            content["barcode"] = barcode
    # With a certificate that Apple did not open for NFC, a pass holding `nfc` does not open at all.
    if design.nfc_public_key and nfc:
        content["nfc"] = _nfc(design, value=value)
    return content


def _barcode(design: PassDesign, *, value: str) -> Content:
    barcode = {
        "format": BARCODE_FORMATS[design.barcode_format],
        "message": value,
        "messageEncoding": "iso-8859-1",
    }
    return {**barcode, "altText": value} if design.barcode_alt_text else barcode


def _nfc(design: PassDesign, *, value: str) -> Content:
    if len(value.encode()) > MOST_NFC_BYTES:
        raise ValueError(f"Wallet cuts an NFC message after {MOST_NFC_BYTES} bytes")
    return {
        "message": value,
        "encryptionPublicKey": design.nfc_public_key,
        "requiresAuthentication": design.nfc_requires_authentication,
    }


def _constant(kind: str, word: str) -> str:
    return f"{kind}{word.title()}" if word else ""


def _rgb(color: str) -> str:
    return "rgb({}, {}, {})".format(*bytes.fromhex(color[1:])) if color else ""


def _w3c(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")

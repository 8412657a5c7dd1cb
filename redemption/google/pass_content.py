"""The GenericObject of one pass; nothing of it opens a door unless the pass is active.

Members: Google's discovery document of `walletobjects.v1`. What is not set is `None`: in a PATCH that
removes it, however deep it stands, so that nothing is left of what the card was before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from credentials.models import CredentialType, WalletPass
from credentials.models.designs import BarcodeFormat, Style
from credentials.pass_fields import PassField, fill
from credentials.timestamps import rfc3339
from credentials.values import Totp, totp_of
from redemption.google.design import STATUS_KEY, Body, answers_smart_tap, lay_out
from redemption.google.images import image_members
from redemption.google.localization import localized
from redemption.models import GoogleClass
from redemption.pass_facts import PassFacts, facts_of
from redemption.standing_words import STANDINGS, STATUS

GENERIC_TYPES = {Style.EVENT_TICKET: "GENERIC_ENTRY_TICKET", Style.COUPON: "GENERIC_VOUCHER"}
BARCODE_TYPES = {
    BarcodeFormat.QR: "QR_CODE",
    BarcodeFormat.PDF417: "PDF_417",
    BarcodeFormat.AZTEC: "AZTEC",
    BarcodeFormat.CODE128: "CODE_128",
}
# What is over for good, and what may come back.
STATES = {"active": "ACTIVE", "suspended": "INACTIVE"}
OVER = "EXPIRED"

Localize = Callable[[str], dict[str, Any]]


def object_body(wallet_pass: WalletPass, *, google_class: GoogleClass, now: datetime) -> Body:
    """The whole card as it is to be seen at `now`.

    The pass comes with credential, person, type, account and value key, the class with issuer and type.
    One query, for the images.
    """
    kind = google_class.credential_type
    facts = facts_of(wallet_pass, now=now)
    localize = partial(localized, localizations=kind.localizations)
    return {
        "id": f"{google_class.issuer.issuer_id}.{wallet_pass.serial_number}",
        "classId": google_class.class_id,
        "genericType": GENERIC_TYPES.get(Style(kind.style), "GENERIC_OTHER"),
        "state": STATES.get(facts.standing, OVER),
        "cardTitle": localize(kind.organization_name or wallet_pass.credential.account.name),
        "hexBackgroundColor": kind.background_color,
        **_texts(kind, facts, localize=localize),
        **image_members(google_class),
        "validTimeInterval": _interval(wallet_pass.credential.person.valid_from, facts.expires_at),
        **_scannable(wallet_pass, facts, google_class=google_class),
    }


def _texts(kind: CredentialType, facts: PassFacts, *, localize: Localize) -> Body:
    """Title, the line above it, and every other field that says something; with them, the standing."""
    layout = lay_out(kind)
    standing = localize(STANDINGS[facts.standing])
    title = _value(layout.title, facts) if layout.title else ""
    label = layout.title.label if layout.title and title else ""
    if facts.standing != "active":
        above: Body | None = standing
    else:
        above = localize(label) if label else None
    status = {"id": STATUS_KEY, "localizedHeader": localize(STATUS), "localizedBody": standing}
    front = [module for row in layout.rows for module in _modules(row, facts, localize=localize)]
    return {
        "header": localize(title or kind.label),
        "subheader": above,
        # Google shows ten: the standing must be among them.
        "textModulesData": [*front, status, *_modules(layout.details, facts, localize=localize)],
    }


def _modules(fields: Iterable[PassField], facts: PassFacts, *, localize: Localize) -> Iterator[Body]:
    """The fields as text modules; one whose placeholders are all empty is left out."""
    for field in fields:
        if value := _value(field, facts):
            module = {"id": field.key, "localizedBody": localize(value)}
            yield {**module, "localizedHeader": localize(field.label)} if field.label else module


def _value(field: PassField, facts: PassFacts) -> str:
    """Dates as everybody reads them: Google has no style for them, and knows no place for the phone."""
    if not field.is_date:
        return fill(field.value, facts.texts())
    moment = facts.expires_at if field.value == "{expires_at}" else datetime.fromisoformat(field.value)
    if moment is None:
        return ""
    shown = {"%Y-%m-%d": field.date_style, "%H:%M UTC": field.time_style}
    parts = [pattern for pattern, style in shown.items() if style not in ("", "none")]
    return moment.astimezone(UTC).strftime(" ".join(parts))


def _interval(start: datetime | None, end: datetime | None) -> Body | None:
    if start is None and end is None:
        return None
    # Google refuses what ends before it starts; the end is what counts then.
    if start is not None and end is not None and start > end:
        start = None
    return {name: {"date": rfc3339(at)} if at else None for name, at in (("start", start), ("end", end))}


def _scannable(wallet_pass: WalletPass, facts: PassFacts, *, google_class: GoogleClass) -> Body:
    """Barcode and Smart Tap value of an active pass; of any other, neither is left at Google."""
    kind = google_class.credential_type
    totp = totp_of(wallet_pass)
    body: Body = {"barcode": None, "rotatingBarcode": None, "smartTapRedemptionValue": None}
    body["passConstraints"] = {"screenshotEligibility": "INELIGIBLE" if totp else "ELIGIBLE"}
    if facts.standing != "active":
        return body
    if answers_smart_tap(google_class):
        body["smartTapRedemptionValue"] = facts.value
    if kind.barcode_format != BarcodeFormat.NONE:
        shown = _rotating(facts.value, totp) if totp else {"value": facts.value}
        body["rotatingBarcode" if totp else "barcode"] = {
            "type": BARCODE_TYPES[BarcodeFormat(kind.barcode_format)],
            "alternateText": facts.value if kind.barcode_alt_text else None,
            **shown,
        }
    return body


def _rotating(value: str, totp: Totp) -> Body:
    return {
        "valuePattern": f"{value}-{{totp_value_0}}",
        "totpDetails": {
            "algorithm": f"TOTP_{totp.algorithm}",
            "periodMillis": str(totp.period * 1000),
            "parameters": [{"key": totp.key, "valueLength": totp.digits}],
        },
    }

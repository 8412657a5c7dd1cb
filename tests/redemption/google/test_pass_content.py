"""A card says what is true of its holder, on both wallets alike, and gives away nothing once it is dead."""

from __future__ import annotations

import hashlib
import hmac
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from credentials import designs
from credentials.models import Account, Credential, WalletPass
from credentials.states import PassState, State, Wallet
from credentials.values import totp_of, value_of
from redemption.google.classes import class_for
from redemption.google.design import without_unset
from redemption.google.pass_content import object_body
from redemption.models import GoogleIssuer
from tests import factories
from tests.fakes.google_rules import object_faults
from tests.fakes.google_schema import faults
from tests.redemption.apple.passes import png

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NAME = {"area": "primary", "key": "name", "label": "Member", "value": "{full_name}"}
PICTURES = ("logo", "wideLogo", "heroImage")
DEAD = ["suspended", "revoked", "expired", "replaced"]


def field(value: str, **members: str) -> dict[str, str]:
    return {"area": "back", "key": "field", "value": value, **members}


class Office:
    """Makes cards of one issuer, and reads them as Google would."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.issuer = factories.google_issuer(account, redemption_issuers=["3388000000011111111"])

    def offer(
        self, *, holder: dict[str, Any] | None = None, ends: datetime | None = None, **design: Any
    ) -> WalletPass:
        """A card that was just offered."""
        kind = factories.credential_type(self.account, **design)
        person = factories.person(self.account, **(holder or {}))
        credential = factories.credential(self.account, holder=person, credential_type=kind)
        Credential.objects.filter(pk=credential.pk).update(expires_at=ends)
        return factories.wallet_pass(credential, wallet=Wallet.GOOGLE)

    def body(self, wallet_pass: WalletPass) -> dict[str, Any]:
        """Its object, of Google's form."""
        row = WalletPass.objects.select_related(
            "value_key", "credential__account", "credential__person", "credential__credential_type"
        ).get(pk=wallet_pass.pk)
        google_class = class_for(GoogleIssuer.objects.get(pk=self.issuer.pk), row.credential.credential_type)
        made = object_body(row, google_class=google_class, now=NOW)
        assert list(faults(made, "GenericObject")) == []
        assert list(object_faults(without_unset(made))) == []
        return made

    def made(self, **options: Any) -> dict[str, Any]:
        """The object of a card that was just offered."""
        return self.body(self.offer(**options))

    def standing(self, standing: str, **options: Any) -> dict[str, Any]:
        """The object of a card that stands so."""
        offer = self.offer(**options)
        credentials = Credential.objects.filter(pk=offer.credential_id)
        match standing:
            case "suspended":
                credentials.update(suspended_at=NOW)
            case "revoked":
                credentials.update(state=State.REVOKED, revoked_at=NOW)
            case "expired":
                credentials.update(expires_at=NOW)
            case "replaced":
                WalletPass.objects.filter(pk=offer.pk).update(state=PassState.VOIDED, voided_at=NOW)
        return self.body(offer)


@pytest.fixture
def office(acme: Account) -> Office:
    return Office(acme)


def said(text: dict[str, Any] | None, language: str = "en") -> str | None:
    if text is None:
        return None
    choices = [text["defaultValue"], *text["translatedValues"]]
    return str(next((one["value"] for one in choices if one["language"] == language), choices[0]["value"]))


def modules(body: dict[str, Any], language: str = "en") -> dict[str, tuple[str | None, str | None]]:
    """What stands under which key: label and text."""
    return {
        module["id"]: (said(module.get("localizedHeader"), language), said(module["localizedBody"], language))
        for module in body["textModulesData"]
    }


def test_a_card_holds_what_design_and_facts_say(office: Office) -> None:
    offer = office.offer(background_color="#102030")
    body = office.body(offer)
    assert body["id"] == f"{office.issuer.issuer_id}.{offer.serial_number}"
    assert body["classId"] == office.issuer.classes.get().class_id
    assert (body["state"], body["genericType"]) == ("ACTIVE", "GENERIC_OTHER")
    assert body["hexBackgroundColor"] == "#102030"
    assert [said(body[name]) for name in ("cardTitle", "subheader", "header")] == [
        *("Acme Gym", "Member", "Ada Lovelace")
    ]
    assert modules(body) == {
        "status": ("Status", "Active"),
        "terms": ("Terms", "Personal, not transferable."),
    }
    assert body["barcode"] == {"type": "QR_CODE", "value": value_of(offer), "alternateText": None}
    unset = (
        "rotatingBarcode",
        "smartTapRedemptionValue",
        "validTimeInterval",
        "logo",
        "wideLogo",
        "heroImage",
    )
    assert {name: body[name] for name in unset} == dict.fromkeys(unset)
    assert body["passConstraints"] == {"screenshotEligibility": "ELIGIBLE"}


def test_the_name_of_a_design_stands_for_the_accounts(office: Office) -> None:
    assert said(office.made(organization_name="Acme Spa")["cardTitle"]) == "Acme Spa"


@pytest.mark.parametrize("fields", [[], [{**NAME, "value": "{system_id}"}]], ids=["none", "empty"])
def test_a_card_always_has_a_title(office: Office, fields: list[dict[str, str]]) -> None:
    body = office.made(fields=fields, holder={"system_id": ""})
    assert (said(body["header"]), body["subheader"]) == ("Membership", None)


@pytest.mark.parametrize(
    ("style", "generic_type"),
    [
        ("eventTicket", "GENERIC_ENTRY_TICKET"),
        ("coupon", "GENERIC_VOUCHER"),
        ("storeCard", "GENERIC_OTHER"),
        ("boardingPass", "GENERIC_OTHER"),
    ],
)
def test_a_style_has_its_type(office: Office, style: str, generic_type: str) -> None:
    assert office.made(style=style)["genericType"] == generic_type


def test_texts_speak_the_languages_of_the_design(office: Office) -> None:
    body = office.made(
        fields=[NAME, field("Gold", area="header", label="Level")],
        localizations={"de": {"Member": "Mitglied", "Level": "Stufe", "Acme Gym": "Acme Sport"}},
    )
    assert [said(body[name], "de") for name in ("cardTitle", "subheader")] == ["Acme Sport", "Mitglied"]
    assert modules(body, "de") == {"field": ("Stufe", "Gold"), "status": ("Status", "Gültig")}


def test_a_field_that_says_nothing_is_left_out(office: Office) -> None:
    body = office.made(fields=[NAME, field("{system_id}")], holder={"system_id": ""})
    assert set(modules(body)) == {"status"}
    assert modules(office.made(fields=[NAME, field("{email}")], holder={"email": "ada@example.org"})) == {
        "status": ("Status", "Active"),
        "field": (None, "ada@example.org"),
    }


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ({"value": "{expires_at}"}, "2026-12-31"),
        ({"value": "{expires_at}", "date_style": "long"}, "2026-12-31"),
        ({"value": "{expires_at}", "date_style": "short", "time_style": "short"}, "2026-12-31 22:30 UTC"),
        ({"value": "{expires_at}", "date_style": "none", "time_style": "full"}, "22:30 UTC"),
        (
            {"value": "2026-08-01T19:30+02:00", "date_style": "full", "time_style": "short"},
            "2026-08-01 17:30 UTC",
        ),
    ],
)
def test_dates_are_written_as_everybody_reads_them(
    office: Office, written: dict[str, str], shown: str
) -> None:
    body = office.made(fields=[NAME, field(**written)], ends=datetime(2026, 12, 31, 22, 30, tzinfo=UTC))
    assert modules(body)["field"] == (None, shown)


def test_a_date_that_is_not_set_is_left_out(office: Office) -> None:
    assert "field" not in modules(office.made(fields=[NAME, field("{expires_at}", date_style="short")]))


def test_a_card_is_valid_as_long_as_credential_and_person_are(office: Office) -> None:
    start, end = NOW - timedelta(days=1), NOW + timedelta(days=1)
    shown = {"start": {"date": "2026-05-31T12:00:00.000Z"}, "end": {"date": "2026-06-02T12:00:00.000Z"}}
    body = office.made(holder={"valid_from": start, "valid_to": end + timedelta(days=9)}, ends=end)
    assert body["validTimeInterval"] == shown
    body = office.made(holder={"valid_to": end}, ends=end + timedelta(days=9))
    assert body["validTimeInterval"] == {**shown, "start": None}
    assert office.made(holder={"valid_from": start})["validTimeInterval"] == {**shown, "end": None}


def test_a_card_that_ends_before_it_starts_has_an_end(office: Office) -> None:
    body = office.made(holder={"valid_from": NOW + timedelta(days=9)}, ends=NOW + timedelta(days=1))
    assert body["validTimeInterval"]["start"] is None
    assert body["state"] == "INACTIVE"


@pytest.mark.parametrize(
    ("barcode_format", "barcode_type"),
    [("qr", "QR_CODE"), ("pdf417", "PDF_417"), ("aztec", "AZTEC"), ("code128", "CODE_128")],
)
def test_the_value_is_shown_in_the_format_of_the_design(
    office: Office, barcode_format: str, barcode_type: str
) -> None:
    offer = office.offer(barcode_format=barcode_format, barcode_alt_text=True)
    value = value_of(offer)
    assert office.body(offer)["barcode"] == {"type": barcode_type, "value": value, "alternateText": value}


def test_a_card_can_do_without_a_barcode(office: Office) -> None:
    body = office.made(barcode_format="none")
    assert (body["barcode"], body["rotatingBarcode"]) == (None, None)


def test_smart_tap_readers_get_the_value(office: Office) -> None:
    offer = office.offer(google_smart_tap=True)
    assert office.body(offer)["smartTapRedemptionValue"] == value_of(offer)
    GoogleIssuer.objects.update(redemption_issuers=[])
    assert office.body(offer)["smartTapRedemptionValue"] is None


def test_a_code_that_rotates_is_one_that_a_scanner_can_check(office: Office) -> None:
    offer = office.offer(google_rotating_barcode=True)
    body = office.body(offer)
    rotating = body["rotatingBarcode"]
    totp = totp_of(offer)
    assert totp is not None
    assert (body["barcode"], rotating["type"]) == (None, "QR_CODE")
    assert body["passConstraints"] == {"screenshotEligibility": "INELIGIBLE"}
    details = rotating["totpDetails"]
    assert (details["algorithm"], details["periodMillis"]) == ("TOTP_SHA1", "30000")
    (parameters,) = details["parameters"]
    on_the_phone = one_time_code(
        parameters["key"],
        at=NOW,
        period=int(details["periodMillis"]) // 1000,
        digits=parameters["valueLength"],
    )
    at_the_door = one_time_code(totp.key, at=NOW, period=totp.period, digits=totp.digits)
    scanned = rotating["valuePattern"].replace("{totp_value_0}", on_the_phone)
    assert scanned == f"{value_of(offer)}-{at_the_door}"


@pytest.mark.parametrize("standing", DEAD)
@pytest.mark.parametrize("design", [{}, {"google_rotating_barcode": True}], ids=["fixed", "rotating"])
def test_a_dead_card_opens_nothing(office: Office, standing: str, design: dict[str, bool]) -> None:
    fields = [{**NAME, "value": "{value}"}, field("Your code: {value}", area="header")]
    body = office.standing(standing, fields=fields, google_smart_tap=True, barcode_alt_text=True, **design)
    offer = WalletPass.objects.get()
    totp = totp_of(offer)
    assert value_of(offer) not in str(body)
    assert totp is None or totp.key not in str(body)
    # What was there before is removed, not left alone.
    blanked = ("barcode", "rotatingBarcode", "smartTapRedemptionValue")
    assert {name: body[name] for name in blanked} == dict.fromkeys(blanked)


@pytest.mark.parametrize(
    ("standing", "state", "word", "wort"),
    [
        ("suspended", "INACTIVE", "Suspended", "Gesperrt"),
        ("revoked", "EXPIRED", "Revoked", "Widerrufen"),
        ("expired", "EXPIRED", "Expired", "Abgelaufen"),
        ("replaced", "EXPIRED", "Replaced", "Ersetzt"),
    ],
)
def test_a_dead_card_says_what_became_of_it(
    office: Office, standing: str, state: str, word: str, wort: str
) -> None:
    body = office.standing(standing)
    assert body["state"] == state
    assert (said(body["subheader"]), said(body["subheader"], "de")) == (word, wort)
    assert modules(body)["status"] == ("Status", word)


def test_the_standing_is_among_the_ten_fields_that_google_shows(office: Office) -> None:
    fields = [
        {"area": area, "key": f"{area}{number}", "value": "x"}
        for area in ("header", "secondary", "auxiliary", "back")
        for number in range(4)
    ]
    body = office.standing("suspended", fields=fields)
    assert "status" in [module["id"] for module in body["textModulesData"][:10]]


def test_pictures_are_served_by_us(office: Office) -> None:
    offer = office.offer(style="storeCard")
    kind = offer.credential.credential_type
    for role in ("icon", "logo", "strip"):
        designs.set_image(kind, role=role, upload=png(400, 150), actor="test")
    body = office.body(offer)
    address = f"http://127.0.0.1:8000/google/images/{office.issuer.classes.get().suffix}/4"
    assert {name: body[name]["sourceUri"]["uri"] for name in PICTURES} == {
        "logo": f"{address}/icon.png",
        "wideLogo": f"{address}/logo.png",
        "heroImage": f"{address}/strip.png",
    }


def one_time_code(key: str, *, at: datetime, period: int, digits: int) -> str:
    """RFC 6238, with the truncation of RFC 4226, section 5.3."""
    counter = struct.pack(">Q", int(at.timestamp()) // period)
    mac = hmac.digest(bytes.fromhex(key), counter, hashlib.sha1)
    offset = mac[-1] & 15
    number = int.from_bytes(mac[offset : offset + 4]) & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)

"""A pass says what is true of its holder, and gives away nothing once it is dead."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from credentials.pass_fields import PassField
from redemption.apple.design import PassDesign
from redemption.apple.development_ca import DevelopmentCA, issue_pass_certificate
from redemption.apple.pass_content import ApplePassFacts, fill, prepare
from redemption.apple.signing import SigningIdentity
from redemption.pass_facts import Standing
from redemption.standing_words import WORDS
from tests.apple_pass_checker import CheckedPass, check
from tests.fakes import pki
from tests.redemption.apple import passes

DEAD: tuple[Standing, ...] = ("suspended", "revoked", "expired", "replaced")
NFC_KEY = base64.b64encode(
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()


class Issuer:
    """Makes passes and hands them through the checker, as a phone would read them."""

    def __init__(self, ca: DevelopmentCA, identity: SigningIdentity, now: datetime) -> None:
        self._ca, self._identity, self._now = ca, identity, now

    def checked(self, design: PassDesign, facts: ApplePassFacts) -> CheckedPass:
        """The whole pass."""
        pkpass = fill(prepare(design), facts, identity=self._identity).pack(signed_at=self._now)
        return check(pkpass, root_pem=self._ca.root.pem, now=self._now)

    def pass_json(self, design: PassDesign, facts: ApplePassFacts) -> dict[str, Any]:
        """The content alone."""
        return self.checked(design, facts).pass_json


@pytest.fixture
def issuer(ca: DevelopmentCA, identity: SigningIdentity, now: datetime) -> Issuer:
    return Issuer(ca, identity, now)


@pytest.fixture(scope="module")
def nfc_identity(ca: DevelopmentCA) -> SigningIdentity:
    issued = issue_pass_certificate(
        ca, pki.PASS_TYPE, team_identifier=pki.TEAM, validity=pki.ALWAYS, nfc=True
    )
    return SigningIdentity.load(issued.certificate_pem, issued.key_pem, ca.wwdr.pem)


def back_field(value: str) -> PassField:
    return PassField("back", "field", value)


def shown(pass_json: dict[str, Any], key: str, *, style: str = "generic") -> dict[str, Any] | None:
    """The field of that key, wherever it stands."""
    areas = [area for area in pass_json[style].values() if isinstance(area, list)]
    return next((field for area in areas for field in area if field["key"] == key), None)


def test_a_pass_holds_what_the_design_and_the_facts_say(issuer: Issuer) -> None:
    assert issuer.pass_json(passes.design(), passes.facts()) == {
        "formatVersion": 1,
        "passTypeIdentifier": pki.PASS_TYPE,
        "teamIdentifier": pki.TEAM,
        "serialNumber": "serial-0001",
        "webServiceURL": "https://pass.example.com/apple",
        "authenticationToken": "a-token-of-at-least-16-characters",
        "organizationName": "Acme Gym",
        "description": "Acme membership card",
        "logoText": "Acme",
        "backgroundColor": "rgb(16, 32, 48)",
        "foregroundColor": "rgb(255, 255, 255)",
        "labelColor": "rgb(192, 255, 238)",
        "suppressStripShine": False,
        "generic": {
            "primaryFields": [{"key": "name", "label": "Member", "value": "Ada Lovelace"}],
            "secondaryFields": [],
            "backFields": [
                {"key": "status", "label": "Status", "value": "Active", "changeMessage": "Status: %@"},
                {"key": "mail", "label": "E-mail", "value": "ada@example.com"},
            ],
        },
        "barcodes": [BARCODE],
        "barcode": BARCODE,
    }


BARCODE = {
    "format": "PKBarcodeFormatQR",
    "message": "k3yed-mac-0f-the-serial",
    "messageEncoding": "iso-8859-1",
}


@pytest.mark.parametrize("standing", DEAD)
def test_a_dead_pass_is_void_and_its_value_is_nowhere(
    ca: DevelopmentCA, nfc_identity: SigningIdentity, now: datetime, standing: Standing
) -> None:
    design = passes.design(
        barcode_alt_text=True,
        nfc_public_key=NFC_KEY,
        fields=(PassField("primary", "name", "{full_name}"), back_field("Card {value}")),
    )
    alive, dead = (
        fill(prepare(design), passes.facts(standing=each), identity=nfc_identity).pack(signed_at=now)
        for each in ("active", standing)
    )
    value = passes.facts().value.encode()
    assert alive.count(value) == 6  # two barcodes with their texts, NFC and the field
    assert value not in dead
    content = check(dead, root_pem=ca.root.pem, now=now).pass_json
    assert content["voided"] is True
    assert not {"barcode", "barcodes", "nfc"} & content.keys()
    # The holder's own data stays, and the phone goes on asking for updates.
    assert content["webServiceURL"]
    assert shown(content, "name") == {"key": "name", "value": "Ada Lovelace"}


@pytest.mark.parametrize(
    ("standing", "word"),
    [("suspended", "Suspended"), ("revoked", "Revoked"), ("expired", "Expired"), ("replaced", "Replaced")],
)
def test_the_holder_reads_why_a_pass_is_dead(issuer: Issuer, standing: Standing, word: str) -> None:
    content = issuer.pass_json(passes.design(), passes.facts(standing=standing))
    assert content["generic"]["headerFields"] == [{"key": "standing", "label": "Status", "value": word}]
    status = shown(content, "status")
    assert status
    assert status["value"] == word


def test_an_active_pass_has_no_word_on_its_front(issuer: Issuer) -> None:
    content = issuer.pass_json(passes.design(), passes.facts())
    assert shown(content, "standing") is None
    assert "voided" not in content


def test_the_word_comes_first_when_the_header_is_full(issuer: Issuer) -> None:
    header = tuple(PassField("header", f"h{n}", str(n)) for n in range(3))
    content = issuer.pass_json(passes.design(fields=header), passes.facts(standing="revoked"))
    assert [field["key"] for field in content["generic"]["headerFields"]] == ["standing", "h0", "h1"]


def test_the_standing_is_told_in_many_languages(issuer: Issuer) -> None:
    strings = issuer.checked(passes.design(), passes.facts(standing="revoked")).strings
    assert strings.keys() == {"ar", "de", "en", "es", "fr", "it", "ja", "nl", "pt"}
    for language, translations in strings.items():
        assert WORDS[language].items() <= translations.items()
        assert all(translations.values())
    assert strings["fr"]["Revoked"] == "Révoqué"
    assert strings["ja"]["Expired"] == "期限切れ"
    assert strings["ar"]["Status"] == "الحالة"


def test_a_design_brings_its_own_words_and_languages(issuer: Issuer) -> None:
    localizations = {
        "de": {"Member": "Mitglied", "Revoked": "Abgemeldet"},
        "zh-Hans": {"Member": "会员"},
    }
    strings = issuer.checked(passes.design(localizations=localizations), passes.facts()).strings
    assert strings["de"]["Member"] == "Mitglied"
    assert strings["de"]["Revoked"] == "Abgemeldet"
    assert strings["de"]["Expired"] == WORDS["de"]["Expired"]
    assert strings["zh-Hans"] == {"Member": "会员"}


def test_translations_survive_what_their_file_uses_as_marks(issuer: Issuer) -> None:
    hard = 'He said: "50 % \\ off";\r\nreally = yes \U0001f600'
    strings = issuer.checked(passes.design(localizations={"fr": {hard: hard[::-1]}}), passes.facts()).strings
    assert strings["fr"][hard] == hard[::-1]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("{first_name} {last_name}", "Ada Lovelace"),
        ("{full_name} <{email}>", "Ada Lovelace <ada@example.com>"),
        ("No {system_id}.", "No 4711."),
        ("{label}", "Gold"),
        ("{value}", "k3yed-mac-0f-the-serial"),
        ("until {expires_at}", "until 2026-07-01"),
        ("no braces", "no braces"),
    ],
)
def test_placeholders_are_filled(issuer: Issuer, value: str, read: str) -> None:
    holder = {**passes.facts().holder, "system_id": "4711", "label": "Gold"}
    facts = passes.facts(holder=holder, expires_at=datetime(2026, 7, 1, tzinfo=UTC))
    field = shown(issuer.pass_json(passes.design(fields=(back_field(value),)), facts), "field")
    assert field == {"key": "field", "value": read}


@pytest.mark.parametrize(
    "name", ["{value}", "{0.__class__}", "%@", "%s{", '"<a href="x">', "\u202e", "\U0001f600"]
)
def test_a_name_is_nothing_but_text(issuer: Issuer, name: str) -> None:
    facts = passes.facts(holder={"first_name": name, "last_name": ""})
    field = shown(issuer.pass_json(passes.design(fields=(back_field("{full_name}!"),)), facts), "field")
    assert field == {"key": "field", "value": f"{name}!"}


def test_a_field_with_nothing_to_show_is_left_out(issuer: Issuer) -> None:
    fields = (
        back_field("{system_id} {email}"),
        PassField("secondary", "end", "{expires_at}", date_style="short"),
    )
    content = issuer.pass_json(passes.design(fields=fields), passes.facts(holder={"email": ""}))
    assert shown(content, "field") is None
    assert shown(content, "end") is None
    assert "expirationDate" not in content


def test_the_end_is_told_with_its_time_zone(issuer: Issuer) -> None:
    end = datetime(2026, 7, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    field = PassField(
        "secondary", "end", "{expires_at}", date_style="medium", time_style="short", is_relative=True
    )
    content = issuer.pass_json(
        passes.design(fields=(field, back_field("{expires_at}"))), passes.facts(expires_at=end)
    )
    assert content["expirationDate"] == "2026-06-30T23:30:00+00:00"
    assert shown(content, "end") == {
        "key": "end",
        "value": "2026-06-30T23:30:00+00:00",
        "dateStyle": "PKDateStyleMedium",
        "timeStyle": "PKDateStyleShort",
        "isRelative": True,
    }
    assert shown(content, "field") == {"key": "field", "value": "2026-06-30"}


def test_a_field_is_dressed_as_designed(issuer: Issuer) -> None:
    field = PassField("auxiliary", "a", "1", label="A", change_message="Now %@", text_alignment="right")
    content = issuer.pass_json(passes.design(fields=(field,)), passes.facts())
    assert content["generic"]["auxiliaryFields"] == [
        {
            "key": "a",
            "value": "1",
            "label": "A",
            "changeMessage": "Now %@",
            "textAlignment": "PKTextAlignmentRight",
        }
    ]


@pytest.mark.parametrize("style", ["generic", "coupon", "eventTicket", "storeCard", "boardingPass"])
def test_every_style_makes_a_pass(issuer: Issuer, style: str) -> None:
    transit_type = "train" if style == "boardingPass" else ""
    content = issuer.pass_json(passes.design(style=style, transit_type=transit_type), passes.facts())
    assert shown(content, "name", style=style)
    assert content[style].get("transitType", "") == ("PKTransitTypeTrain" if transit_type else "")


@pytest.mark.parametrize(
    ("barcode_format", "constant", "keys"),
    [
        ("qr", "PKBarcodeFormatQR", {"barcodes", "barcode"}),
        ("pdf417", "PKBarcodeFormatPDF417", {"barcodes", "barcode"}),
        ("aztec", "PKBarcodeFormatAztec", {"barcodes", "barcode"}),
        ("code128", "PKBarcodeFormatCode128", {"barcodes"}),
    ],
)
def test_old_phones_get_the_barcodes_they_know(
    issuer: Issuer, barcode_format: str, constant: str, keys: set[str]
) -> None:
    content = issuer.pass_json(passes.design(barcode_format=barcode_format), passes.facts())
    assert content["barcodes"] == [{**BARCODE, "format": constant}]
    assert content.keys() & {"barcodes", "barcode"} == keys


def test_a_pass_may_have_no_barcode_or_one_with_its_text(issuer: Issuer) -> None:
    content = issuer.pass_json(passes.design(barcode_format="none"), passes.facts())
    assert not {"barcode", "barcodes"} & content.keys()
    content = issuer.pass_json(passes.design(barcode_alt_text=True), passes.facts())
    assert content["barcodes"][0]["altText"] == content["barcodes"][0]["message"]


def test_nfc_needs_a_certificate_that_allows_it(
    ca: DevelopmentCA, issuer: Issuer, nfc_identity: SigningIdentity, now: datetime
) -> None:
    design = passes.design(nfc_public_key=NFC_KEY, nfc_requires_authentication=True)
    content = Issuer(ca, nfc_identity, now).pass_json(design, passes.facts())
    assert content["nfc"] == {
        "message": "k3yed-mac-0f-the-serial",
        "encryptionPublicKey": NFC_KEY,
        "requiresAuthentication": True,
    }
    assert content["sharingProhibited"] is True
    # With any other certificate Wallet would not open the pass at all.
    assert "nfc" not in issuer.pass_json(design, passes.facts())


def test_an_nfc_value_that_wallet_would_cut_is_refused(nfc_identity: SigningIdentity) -> None:
    prepared = prepare(passes.design(nfc_public_key=NFC_KEY))
    assert fill(prepared, passes.facts(value="x" * 64), identity=nfc_identity).content["nfc"]["message"]
    with pytest.raises(ValueError, match="64 bytes"):
        fill(prepared, passes.facts(value="x" * 65), identity=nfc_identity)


def test_sharing_and_user_info_are_passed_on(issuer: Issuer) -> None:
    user_info = {"tier": "gold", "nested": [1, None]}
    content = issuer.pass_json(passes.design(sharing_prohibited=True, user_info=user_info), passes.facts())
    assert content["sharingProhibited"] is True
    assert content["userInfo"] == user_info


def test_secrets_are_not_shown(identity: SigningIdentity) -> None:
    facts = passes.facts()
    filled = fill(prepare(passes.design()), facts, identity=identity)
    for secret in (facts.value, facts.authentication_token, "Lovelace"):
        assert secret not in repr(facts)
        assert secret not in repr(filled)

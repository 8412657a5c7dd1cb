"""A design that Wallet would refuse or cut short is refused before a pass is made of it, by attribute."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from redemption.apple.design import PLACEHOLDERS, DesignRefused, PassField, check_design
from tests.redemption.apple import passes
from tests.redemption.apple.passes import png

ICON = {"icon.png": png(29, 29)}


def spki(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(der).decode()


def members(area: str, count: int) -> tuple[PassField, ...]:
    return tuple(PassField(area, f"{area}{number}", "x") for number in range(count))


def refusal(**changes: Any) -> DesignRefused:
    with pytest.raises(DesignRefused) as refused:
        check_design(passes.design(**changes))
    return refused.value


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {
            "fields": members("header", 3)
            + members("primary", 1)
            + members("secondary", 2)
            + members("auxiliary", 2)
        },
        {"fields": members("secondary", 4) + members("auxiliary", 4), "barcode_format": "pdf417"},
        {"fields": members("back", 30)},
        {
            "style": "boardingPass",
            "transit_type": "air",
            "fields": members("primary", 2) + members("auxiliary", 5),
        },
        {"fields": (PassField("back", "all", " ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))),)},
        {"fields": (PassField("back", "day", "2026-06-01T12:00:00Z", date_style="short"),)},
        {"nfc_public_key": spki(ec.generate_private_key(ec.SECP256R1()))},
        {"background_color": "", "logo_text": ""},
        {"style": "eventTicket", "images": {**ICON, "strip@3x.png": png(1125, 294)}},
        {
            "style": "eventTicket",
            "images": {**ICON, "background.png": png(180, 220), "thumbnail.png": png(90, 90)},
        },
        {"localizations": {"pt-BR": {"Now %@": "Agora %@"}, "zh-Hant-TW": {}}},
    ],
)
def test_a_design_that_wallet_shows_is_accepted(changes: dict[str, Any]) -> None:
    check_design(passes.design(**changes))


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"style": "poster"}, "style", "“poster” is not one of generic, storeCard"),
        ({"style": "boardingPass"}, "transit_type", "“” is not one of air, boat"),
        ({"style": "boardingPass", "transit_type": "rocket"}, "transit_type", "“rocket” is not one of"),
        ({"transit_type": "air"}, "transit_type", "Only a boarding pass"),
        ({"barcode_format": "ean13"}, "barcode_format", "“ean13” is not one of qr"),
        ({"organization_name": " "}, "organization_name", "required"),
        ({"description": ""}, "description", "required"),
        ({"background_color": "red"}, "background_color", "“red” is not a colour"),
        ({"foreground_color": "#fff"}, "foreground_color", "“#fff” is not a colour"),
        ({"label_color": "#00000g"}, "label_color", "“#00000g” is not a colour"),
        ({"nfc_public_key": "no base64!"}, "nfc_public_key", "not the base64 form"),
        ({"nfc_public_key": "AAAA"}, "nfc_public_key", "not the base64 form"),
        (
            {"nfc_public_key": spki(ec.generate_private_key(ec.SECP384R1()))},
            "nfc_public_key",
            "not a key on the curve",
        ),
        (
            {"nfc_public_key": spki(rsa.generate_private_key(65537, 2048))},
            "nfc_public_key",
            "not a key on the curve",
        ),
        ({"user_info": {"when": object()}}, "user_info", "cannot be written as JSON"),
        ({"localizations": {"German": {}}}, "localizations", "“German” is not a language"),
        ({"localizations": {"../de": {}}}, "localizations", "is not a language"),
        ({"localizations": {"de": {"Hi {first_name}": "Hallo"}}}, "localizations", "holds a placeholder"),
        ({"localizations": {"de": {"Now %@": "Jetzt"}}}, "localizations", "stands in only one of"),
    ],
)
def test_a_wrong_attribute_is_refused(changes: dict[str, Any], field: str, reason: str) -> None:
    refused = refusal(**changes)
    assert refused.field == field
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ((PassField("middle", "a", "x"),), "“a”, area: “middle” is not one of header"),
        ((PassField("back", "a", ""),), "“a”, value: This is required"),
        ((PassField("back", "a", "{name}"),), "There is no placeholder {name}"),
        ((PassField("back", "a", "{value.__class__}"),), "There is no placeholder {value.__class__}"),
        ((PassField("back", "a", "{}"),), "There is no placeholder {}"),
        ((PassField("back", "a", "x", text_alignment="top"),), "text_alignment: “top” is not one of left"),
        ((PassField("back", "a", "x", change_message="New!"),), "Without %@"),
        ((PassField("back", "a", "tomorrow", date_style="short"),), "A date is {expires_at}"),
        ((PassField("back", "a", "2026-06-01T12:00:00", time_style="short"),), "A date is {expires_at}"),
        ((PassField("back", "a", "on {expires_at}", date_style="short"),), "A date is {expires_at}"),
        (
            (PassField("back", "a", "{expires_at}", date_style="tiny"),),
            "date_style: “tiny” is not one of none",
        ),
        ((PassField("back", "", "x"),), "The key “” cannot be used"),
        ((PassField("back", "status", "x"),), "The key “status” cannot be used"),
        ((PassField("header", "standing", "x"),), "The key “standing” cannot be used"),
        ((PassField("back", "a", "x"), PassField("header", "a", "y")), "The key “a” is used 2 times"),
        (members("header", 4), "There are 4 header fields, Wallet shows 3"),
        (members("primary", 2), "There are 2 primary fields, Wallet shows 1"),
        (members("secondary", 5), "There are 5 secondary fields, Wallet shows 4"),
        (members("auxiliary", 5), "There are 5 auxiliary fields, Wallet shows 4"),
        (members("secondary", 3) + members("auxiliary", 2), "beside a square barcode Wallet shows 4"),
    ],
)
def test_a_wrong_field_is_refused(fields: tuple[PassField, ...], reason: str) -> None:
    refused = refusal(fields=fields)
    assert refused.field == "fields"
    assert reason in refused.reason


def test_even_a_boarding_pass_has_its_limits() -> None:
    for fields in (members("primary", 3), members("auxiliary", 6)):
        assert refusal(style="boardingPass", transit_type="air", fields=fields).field == "fields"


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        ({}, "Without an icon.png"),
        ({"icon@2x.png": png(58, 58)}, "Without an icon.png"),
        ({**ICON, "strip.png": png(10, 10)}, "“strip.png” is not an image of this style"),
        ({**ICON, "logo@4x.png": png(10, 10)}, "“logo@4x.png” is not an image"),
        ({**ICON, "../logo.png": png(10, 10)}, "“../logo.png” is not an image"),
        ({**ICON, "pass.json": png(10, 10)}, "“pass.json” is not an image"),
        ({"icon.png": png(30, 29)}, "icon.png has 30 by 29 pixels, at most 29 by 29"),
        ({**ICON, "logo@2x.png": png(320, 101)}, "at most 320 by 100"),
        ({"icon.png": b"GIF89a" + bytes(30)}, "not a whole PNG"),
        ({"icon.png": png(29, 29)[:-1]}, "not a whole PNG"),
        ({"icon.png": b""}, "not a whole PNG"),
    ],
)
def test_a_wrong_image_is_refused(images: dict[str, bytes], reason: str) -> None:
    refused = refusal(images=images)
    assert refused.field == "images"
    assert reason in refused.reason


def test_a_strip_and_a_background_do_not_go_together() -> None:
    images = {**ICON, "strip.png": png(375, 98), "thumbnail.png": png(90, 90)}
    assert "a strip, or else" in refusal(style="eventTicket", images=images).reason


def test_images_too_large_for_a_phone_are_refused() -> None:
    icon = png(29, 29)
    # A PNG may hold any amount of comment before its end.
    padded = icon[:-12] + bytes(10_000_000) + icon[-12:]
    assert "more than 10000000 bytes" in refusal(images={"icon.png": padded}).reason

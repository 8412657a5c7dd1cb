"""A design that gets in can be shown by both wallets; what cannot is refused by the name of its column."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519

from credentials.designs import (
    create_credential_type,
    image_files,
    remove_image,
    set_image,
    update_credential_type,
)
from credentials.errors import Invalid
from credentials.models import Account, CredentialType, Event
from tests import factories
from tests.credentials.pictures import chunked_png, jpeg, pixels, png

NAME = {"area": "primary", "key": "name", "label": "Member", "value": "{full_name}"}


def field(**members: Any) -> list[dict[str, Any]]:
    """A list of the one field that a test is about."""
    return [{**NAME, **members}]


def fields(**counts: int) -> list[dict[str, str]]:
    """So many fields in each area."""
    return [
        {"area": area, "key": f"{area}{number}", "value": "x"}
        for area, count in counts.items()
        for number in range(count)
    ]


def public_key(key: Any) -> str:
    """Base64 of the X.509 form."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()


def refusal(account: Account, **columns: Any) -> tuple[str, str]:
    """What is refused and why, of a new type and of a change alike; neither leaves a trace."""
    existing = CredentialType.objects.filter(account=account).first() or factories.credential_type(account)
    before = (existing.version, CredentialType.objects.count(), Event.objects.count())
    with pytest.raises(Invalid) as refused:
        create_credential_type(account, actor="test", **{"label": "New", "slug": "new", **columns})
    with pytest.raises(Invalid) as refused_change:
        update_credential_type(existing, actor="test", **columns)
    assert refused_change.value.field == refused.value.field
    existing.refresh_from_db()
    assert (existing.version, CredentialType.objects.count(), Event.objects.count()) == before
    return refused.value.field, refused.value.sentence


def test_a_new_type_is_recorded(acme: Account) -> None:
    made = create_credential_type(
        acme, actor="admin:root", label="Day pass", slug="day", images={"icon": png()}
    )
    assert made.version == 1
    assert {image.file_name for image in made.images.all()} == {"icon.png", "icon@2x.png", "icon@3x.png"}
    event = Event.objects.get(type="credential_type.created")
    assert (event.account, event.actor) == (acme, "admin:root")
    assert event.data == {"credential_type_id": made.pk, "version": 1}


def test_a_change_gives_one_new_version_and_one_event(acme: Account) -> None:
    design = factories.credential_type(acme)
    update_credential_type(
        design,
        actor="admin:root",
        label="Gold",
        background_color="#ffd700",
        images={"icon": png(), "logo": png()},
    )
    design.refresh_from_db()
    assert (design.label, design.background_color, design.version) == ("Gold", "#ffd700", 2)
    event = Event.objects.get(type="credential_type.updated")
    assert event.data == {
        "credential_type_id": design.pk,
        "version": 2,
        "changed": ["background_color", "icon", "label", "logo"],
    }


def test_no_change_is_no_version_and_no_event(acme: Account) -> None:
    design = factories.credential_type(acme)
    assert update_credential_type(design, actor="test", label=design.label).version == 1
    assert remove_image(design, role="logo", actor="test").version == 1
    assert not Event.objects.filter(type="credential_type.updated").exists()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("label", ""),
        ("label", "x" * 101),
        ("label", "Mem\x00ber"),
        ("slug", "no spaces"),
        ("code", "seven"),
        ("code", 10**12),
        ("style", "poster"),
        ("barcode_format", "ean13"),
        ("logo_text", "x" * 61),
        ("description", None),
        ("transit_type", None),
        ("organization_name", "\ud800"),
        *(
            (f"{part}_color", colour)
            for part in ("background", "foreground", "label")
            for colour in ("", "red", "#fff", "#12345g", "#1234567", "rgb(1,2,3)", "#ffffff\n")
        ),
    ],
)
def test_a_malformed_column_is_refused_by_name(acme: Account, column: str, value: object) -> None:
    assert refusal(acme, **{column: value})[0] == column


def test_a_slug_is_taken_once_in_an_account(acme: Account, globex: Account) -> None:
    factories.credential_type(acme, slug="first")
    factories.credential_type(acme, slug="gold")
    assert refusal(acme, slug="gold") == ("slug", "Another credential type of this account has this slug.")
    assert create_credential_type(globex, actor="test", label="Gold", slug="gold").pk


def test_a_type_is_offered_for_a_wallet(acme: Account) -> None:
    assert refusal(acme, apple_enabled=False, google_enabled=False)[0] == "apple_enabled"


def test_exactly_a_boarding_pass_has_a_transit_type(acme: Account) -> None:
    assert refusal(acme, style="boardingPass")[0] == "transit_type"
    assert refusal(acme, style="boardingPass", transit_type="rocket")[0] == "transit_type"
    assert refusal(acme, transit_type="air") == ("transit_type", "Only a boarding pass has a transit type.")
    assert (
        update_credential_type(
            CredentialType.objects.get(), actor="test", style="boardingPass", transit_type="train"
        ).transit_type
        == "train"
    )


@pytest.mark.parametrize("barcode_format", ["aztec", "code128", "none"])
def test_a_barcode_that_google_cannot_rotate_stays(acme: Account, barcode_format: str) -> None:
    told = refusal(acme, google_rotating_barcode=True, barcode_format=barcode_format)
    assert told == ("google_rotating_barcode", "Google rotates QR and PDF417 barcodes only.")


@pytest.mark.parametrize("barcode_format", ["qr", "pdf417"])
def test_a_barcode_can_rotate(acme: Account, barcode_format: str) -> None:
    design = create_credential_type(
        acme,
        actor="test",
        label="Gold",
        slug="gold",
        google_rotating_barcode=True,
        barcode_format=barcode_format,
    )
    assert design.google_rotating_barcode


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({}, "a JSON list"),
        (None, "a JSON list"),
        (["name"], "Field 1 must be an object"),
        ([{**NAME, "key": ""}], "no key"),
        ([{"key": "name", "value": "x"}], "no area"),
        ([{"key": "name", "area": "back"}], "no value"),
        (field(area="front"), "area must be one of header"),
        (field(key="na me"), "this key cannot be used"),
        (field(key="näme"), "this key cannot be used"),
        (field(key="status"), "this key cannot be used"),
        (field(key=7), "key must be a text"),
        (field(label=None), "label must be a text"),
        (field(is_relative="yes"), "is_relative must be true or false"),
        (field(colour="red"), "no member “colour”"),
        (field(value="x" * 2001), "at most 2000"),
        (field(label="x" * 101), "at most 100"),
        (field(value="a\x00b"), "cannot be stored"),
        (field(value="a\x1bb"), "control character U+001B"),
        (field(label="a\u202eb"), "control character U+202E"),
        (field(value="{password}"), "no placeholder {password}"),
        (field(value="{}"), "no placeholder {}"),
        (field(change_message="Your name changed"), "must hold %@"),
        (field(text_alignment="justify"), "text_alignment must be one of left"),
        (field(date_style="iso"), "date_style must be one of none"),
        (field(date_style="short", value="tomorrow"), "ISO 8601 time"),
        (field(time_style="short", value="2030-01-01T10:00:00"), "ISO 8601 time with its zone"),
        ([NAME, {**NAME, "area": "back"}], "“name” is used 2 times"),
        (fields(header=4), "4 header fields"),
        (fields(primary=2), "2 primary fields"),
        (fields(secondary=3, auxiliary=2), "square barcode"),
        (fields(back=51), "at most 50"),
    ],
)
def test_a_field_that_cannot_be_shown_is_refused(acme: Account, written: object, why: str) -> None:
    name, sentence = refusal(acme, fields=written)
    assert name == "fields"
    assert why in sentence


@pytest.mark.parametrize(
    "columns",
    [
        {"fields": []},
        {"fields": field(value="{first_name} {last_name}, {email}, {system_id}, {label}, {value}")},
        {"fields": field(value="{expires_at}", date_style="medium", time_style="none", is_relative=True)},
        {"fields": field(value="2030-01-01T10:00+01:00", date_style="full", change_message="Starts %@")},
        {"fields": field(area="back", value="First line\nsecond line 👩‍👩‍👧", text_alignment="natural")},
        {"fields": fields(header=3, primary=1, secondary=2, auxiliary=2, back=20)},
        {"fields": fields(secondary=4, auxiliary=4), "barcode_format": "pdf417"},
        {
            "fields": fields(primary=2, secondary=4, auxiliary=5),
            "style": "boardingPass",
            "transit_type": "air",
        },
        {"localizations": {"de": {"Member": "Mitglied", "Now %@": "Jetzt %@"}, "zh-Hans": {}, "pt-BR": {}}},
        {"user_info": {"door": [1, 2.5, None, {"deep": True}]}},
        {"nfc_public_key": public_key(ec.generate_private_key(ec.SECP256R1()))},
        {"google_enabled": False},
        {"code": None},
    ],
)
def test_a_design_that_wallets_can_show_is_accepted(acme: Account, columns: dict[str, Any]) -> None:
    made = create_credential_type(acme, actor="test", label="New", slug="new", **columns)
    made.refresh_from_db()
    assert {name: getattr(made, name) for name in columns} == columns


@pytest.mark.parametrize(
    "written",
    [
        [],
        {"German": {}},
        {"de_DE": {}},
        {"": {}},
        {"de": ["Mitglied"]},
        {"de": {"Member": 7}},
        {"de": {"{full_name}": "Name"}},
        {"de": {"Changed: %@": "Geändert"}},
        {"de": {"Member": "Mit\x00glied"}},
        {"de": {"Member": "\ud800"}},
    ],
)
def test_a_translation_that_no_device_reads_is_refused(acme: Account, written: object) -> None:
    assert refusal(acme, localizations=written)[0] == "localizations"


@pytest.mark.parametrize(
    "written",
    [
        [],
        "text",
        {"n": float("nan")},
        {"n": float("inf")},
        {"x": "\x00"},
        {"x": "y" * 100_001},
        {"x": object()},
    ],
)
def test_user_info_is_a_json_object(acme: Account, written: object) -> None:
    assert refusal(acme, user_info=written)[0] == "user_info"


def test_user_info_too_deep_to_write_is_refused(acme: Account) -> None:
    for deep in (21, 500, 5000):
        nested: list[Any] = []
        for _ in range(deep):
            nested = [nested]
        assert refusal(acme, user_info={"deep": nested})[0] == "user_info"


@pytest.mark.parametrize(
    "key",
    [
        "not base64!",
        base64.b64encode(b"not a key").decode(),
        public_key(ec.generate_private_key(ec.SECP384R1())),
        public_key(x25519.X25519PrivateKey.generate()),
    ],
    ids=["not base64", "not a key", "P-384", "X25519"],
)
def test_an_nfc_key_is_on_the_right_curve(acme: Account, key: str) -> None:
    assert refusal(acme, nfc_public_key=key)[0] == "nfc_public_key"


@pytest.mark.parametrize("upload", [b"<svg/>", chunked_png(5000, 4000), jpeg(40, 40)[:200], png(10, 10)])
def test_an_image_that_is_refused_leaves_the_former_one(acme: Account, upload: bytes) -> None:
    design = set_image(
        factories.credential_type(acme), role="icon", upload=png(colour="#ff0000"), actor="test"
    )
    before = image_files(design)
    assert refusal(acme, label="Changed", images={"icon": upload})[0] == "icon"
    assert image_files(design) == before


def test_a_new_image_replaces_every_scale(acme: Account) -> None:
    design = set_image(factories.credential_type(acme), role="icon", upload=png(200, 200), actor="test")
    set_image(design, role="icon", upload=png(29, 29), actor="test")
    assert image_files(design).keys() == {"icon.png"}
    remove_image(design, role="icon", actor="test")
    assert not design.images.exists()


def test_a_design_without_an_icon_has_a_neutral_one(acme: Account) -> None:
    design = factories.credential_type(acme)
    assert image_files(design).keys() == {"icon.png", "icon@2x.png", "icon@3x.png"}


def test_an_image_that_the_style_does_not_show_is_refused(acme: Account) -> None:
    assert refusal(acme, images={"strip": png()}) == ("strip", "A generic pass shows no strip.")
    assert refusal(acme, images={"hero": png()})[0] == "hero"


def test_a_style_that_does_not_show_an_image_of_the_design_is_refused(acme: Account) -> None:
    design = set_image(factories.credential_type(acme), role="thumbnail", upload=png(), actor="test")
    with pytest.raises(Invalid) as refused:
        update_credential_type(design, actor="test", style="coupon")
    assert (refused.value.field, refused.value.sentence) == (
        "style",
        "A coupon shows no thumbnail; remove that image first.",
    )
    changed = update_credential_type(
        design, actor="test", style="coupon", images={"thumbnail": None, "strip": png()}
    )
    assert (changed.style, changed.version) == ("coupon", 3)


def test_an_event_ticket_shows_a_strip_or_else_a_background(acme: Account) -> None:
    design = factories.credential_type(acme, style="eventTicket")
    set_image(design, role="background", upload=png(), actor="test")
    with pytest.raises(Invalid) as refused:
        set_image(design, role="strip", upload=png(), actor="test")
    assert refused.value.field == "strip"
    update_credential_type(design, actor="test", images={"strip": png(), "background": None})
    assert set(design.images.values_list("role", flat=True)) == {"strip"}


def test_a_strip_is_cut_anew_for_another_style(acme: Account) -> None:
    design = factories.credential_type(acme, style="storeCard")
    set_image(design, role="strip", upload=png(1125, 432), actor="test")
    update_credential_type(design, actor="test", style="coupon")
    assert pixels(image_files(design)["strip@3x.png"]).size == (1125, 432)
    update_credential_type(design, actor="test", style="eventTicket")
    assert pixels(image_files(design)["strip@3x.png"]).size == (1125, 294)

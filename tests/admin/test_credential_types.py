"""A design is made and changed in one form; what it cannot hold is told next to its field."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from credentials.designs import set_image
from credentials.models import Account, CredentialType, DesignImage, Event
from tests import factories
from tests.admin.conftest import Staff
from tests.credentials.pictures import chunked_png, jpeg, png

LIST = "/admin/credentials/credentialtype/"
ADD = f"{LIST}add/"
FIELDS = [{"area": "primary", "key": "name", "label": "Member", "value": "{full_name}"}]

JOURNEY = [
    {"area": "primary", "key": "from", "label": "Hamburg", "value": "HAM"},
    {"area": "primary", "key": "to", "label": "Helgoland", "value": "HGL"},
    {
        "area": "auxiliary",
        "key": "at",
        "value": "2030-01-01T10:00Z",
        "date_style": "short",
        "time_style": "short",
    },
]


def page(design: CredentialType) -> str:
    """Where a design is edited."""
    return reverse("admin:credentials_credentialtype_change", args=[design.pk])


def file(content: bytes, name: str = "icon.png") -> SimpleUploadedFile:
    """A file as a browser sends it."""
    return SimpleUploadedFile(name, content, "image/png")


def written(account: Account, **columns: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    default = {
        "account": account.pk,
        "label": "Membership",
        "slug": "membership",
        "apple_enabled": "on",
        "google_enabled": "on",
        "style": "generic",
        "background_color": "#102030",
        "foreground_color": "#ffffff",
        "label_color": "#d1d5db",
        "fields": json.dumps(FIELDS),
        "barcode_format": "qr",
        "google_view_unlock_requirement": "UNLOCK_NOT_REQUIRED",
        "localizations": "{}",
        "user_info": "",
        "sharing_prohibited": "on",
    }
    return {**default, **columns}


def stored(design: CredentialType) -> tuple[object, ...]:
    """All that a refused form must leave alone."""
    row = CredentialType.objects.filter(pk=design.pk).values().get()
    images = [(image.file_name, bytes(image.png)) for image in DesignImage.objects.all()]
    return row, images, Event.objects.count(), LogEntry.objects.count()


def test_a_type_is_made_with_its_images(acme: Account, root: Client) -> None:
    response = root.post(ADD, written(acme, icon=file(png()), logo=file(jpeg(), "logo.jpg")), follow=True)
    assert response.redirect_chain == [(LIST, 302)]
    design = CredentialType.objects.get()
    assert (design.account, design.background_color, design.fields, design.user_info) == (
        acme,
        "#102030",
        FIELDS,
        {},
    )
    assert set(design.images.values_list("role", flat=True)) == {"icon", "logo"}
    assert [event.actor for event in Event.objects.filter(type="credential_type.created")] == ["admin:root"]


def test_a_new_type_starts_with_the_name_of_its_holder(root: Client) -> None:
    form = root.get(ADD).context["adminform"].form
    assert form["fields"].value() == json.dumps(form.initial["fields"], indent=2)
    assert form.initial["fields"][0]["value"] == "{full_name}"


def test_a_change_is_one_new_version(acme: Account, root: Client) -> None:
    design = factories.credential_type(acme, label="Membership", slug="membership", fields=FIELDS)
    root.post(page(design), written(acme, label="Gold", icon=file(png())))
    design.refresh_from_db()
    assert (design.label, design.version) == ("Gold", 2)
    event = Event.objects.get(type="credential_type.updated")
    assert event.actor == "admin:root"
    assert event.data["changed"] == ["background_color", "icon", "label"]


def test_saving_without_a_change_is_no_version(acme: Account, root: Client) -> None:
    root.post(ADD, written(acme, icon=file(png())))
    design = CredentialType.objects.get()
    root.post(page(design), written(acme))
    design.refresh_from_db()
    assert design.version == 1
    assert design.images.exists()


def test_an_image_is_shown_and_removed(acme: Account, root: Client) -> None:
    root.post(ADD, written(acme, icon=file(png())))
    design = CredentialType.objects.get()
    assert b'name="icon-clear"' in root.get(page(design)).content
    root.post(page(design), {**written(acme), "icon-clear": "on"})
    assert not design.images.exists()
    assert b'name="icon-clear"' not in root.get(page(design)).content


@pytest.mark.parametrize(
    ("role", "upload", "sentence"),
    [
        (
            "icon",
            file(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "icon.svg"),
            "This is not a PNG or JPEG file.",
        ),
        ("logo", file(b"GIF89a", "logo.gif"), "This is not a PNG or JPEG file."),
        ("icon", file(chunked_png(5000, 4000)), "at most 10 megapixels"),
        ("logo", file(chunked_png(30_000, 30_000)), "at most 10 megapixels"),
        ("icon", file(png() + b"\0" * 2_000_000), "larger than 2 MB"),
        ("icon", file(png()[:100]), "damaged or cut off"),
        ("icon", file(png(20, 20)), "at least 29 by 29"),
        ("strip", file(png()), "A generic pass shows no strip."),
        ("icon", file(b""), "empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_refused_image_is_told_next_to_its_field(
    role: str, upload: SimpleUploadedFile, sentence: str, acme: Account, root: Client
) -> None:
    design = set_image(factories.credential_type(acme), role="icon", upload=png(), actor="test")
    before = stored(design)
    for address in (page(design), ADD):
        upload.seek(0)
        response = root.post(address, written(acme, label="Gold", slug="gold", **{role: upload}))
        assert response.status_code == 200
        (told,) = response.context["adminform"].form.errors[role]
        assert sentence in told
        row = re.search(
            rf'<div class="form-row errors field-{role}">.*?</ul>', response.content.decode(), re.DOTALL
        )
        assert row
        assert sentence in row.group()
        assert stored(design) == before
    assert CredentialType.objects.count() == 1


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("background_color", "red", "#rrggbb"),
        ("label_color", "#12345", "#rrggbb"),
        ("slug", "no spaces", "slug"),
        ("slug", "taken", "Another credential type of this account has this slug."),
        ("label", "", "This field is required."),
        ("style", "poster", "Select a valid choice."),
        ("transit_type", "air", "Only a boarding pass has a transit type."),
        ("google_view_unlock_requirement", "SOMETIMES", "Select a valid choice."),
        ("fields", "[", "Enter a valid JSON."),
        ("fields", "[" * 100_000, "This cannot be read as JSON."),
        ("fields", "9" * 5_000, "This cannot be read as JSON."),
        ("fields", '[{"area": "primary"}]', "Field 1 has no key."),
        ("fields", "{}", "This must be a JSON list."),
        ("user_info", '{"n": NaN}', "This cannot be written as JSON."),
        ("user_info", '{"x": "\\u0000"}', "This holds a character that cannot be stored."),
        ("user_info", '{"x": "\\ud800"}', "This holds a character that cannot be stored."),
        ("user_info", "[" * 30 + "]" * 30, "This is nested 30 deep, at most 20."),
        ("localizations", '{"German": {}}', "is not a language"),
        ("nfc_public_key", "key", "X.509"),
        ("code", "99999999999", "2147483647"),
    ],
)
def test_a_refused_column_is_told_next_to_its_field(
    column: str, value: str, sentence: str, acme: Account, root: Client
) -> None:
    design = factories.credential_type(acme)
    factories.credential_type(acme, slug="taken")
    before = stored(design)
    response = root.post(page(design), written(acme, **{column: value}))
    assert response.status_code == 200
    (told,) = response.context["adminform"].form.errors[column]
    assert sentence in told
    assert f"form-row errors field-{column}" in response.content.decode() or "_color" in column
    assert stored(design) == before


def test_a_type_is_offered_for_a_wallet(acme: Account, root: Client) -> None:
    response = root.post(ADD, written(acme, apple_enabled="", google_enabled=""))
    assert "apple_enabled" in response.context["adminform"].form.errors
    assert not CredentialType.objects.exists()


def test_what_only_google_shows_is_kept(acme: Account, root: Client) -> None:
    chosen = {"google_view_unlock_requirement": "UNLOCK_REQUIRED_TO_VIEW", "google_smart_tap": "on"}
    root.post(ADD, written(acme, google_rotating_barcode="on", **chosen))
    design = CredentialType.objects.get()
    assert (design.google_rotating_barcode, design.google_smart_tap) == (True, True)
    assert design.google_view_unlock_requirement == "UNLOCK_REQUIRED_TO_VIEW"
    response = root.post(page(design), written(acme, google_rotating_barcode="on", barcode_format="aztec"))
    assert "google_rotating_barcode" in response.context["adminform"].form.errors


def test_a_type_stays_in_its_account(acme: Account, globex: Account, root: Client) -> None:
    design = factories.credential_type(acme)
    root.post(page(design), written(globex))
    design.refresh_from_db()
    assert design.account == acme


def test_staff_who_may_look_cannot_change(acme: Account, staff: Staff) -> None:
    design = set_image(factories.credential_type(acme), role="icon", upload=png(), actor="test")
    before = stored(design)
    clerk = staff("view_credentialtype")
    assert b'<svg class="pass"' in clerk.get(page(design)).content
    assert clerk.post(page(design), written(acme)).status_code == 403
    assert stored(design) == before


def test_the_pass_is_drawn_for_a_sample_holder(acme: Account, root: Client) -> None:
    design = factories.credential_type(
        acme,
        background_color="#123456",
        logo_text="<b>Acme</b>",
        barcode_format="pdf417",
        fields=[
            *FIELDS,
            {"area": "header", "key": "level", "label": "Level", "value": "Platinum and more"},
            {
                "area": "secondary",
                "key": "ends",
                "label": "Until",
                "value": "{expires_at}",
                "date_style": "medium",
            },
            {"area": "auxiliary", "key": "number", "label": "Number", "value": "{system_id}"},
            {"area": "back", "key": "terms", "label": "Terms", "value": "Hello {first_name}"},
        ],
    )
    for role in ("thumbnail", "logo"):
        set_image(design, role=role, upload=png(), actor="test")
    drawn = root.get(page(design)).content.decode()
    drawn = drawn[drawn.index('<aside class="preview"') : drawn.index("</aside>")]
    for part in (
        "#123456",
        "Ada Lovelace",
        "31 Dec 2030",
        "1815",
        "Platin…</text>",
        "Hello Ada",
        "data:image/png;base64,",
    ):
        assert part in drawn, part
    assert "&lt;b&gt;Acme" in drawn
    assert "<b>" not in drawn
    assert "style=" not in drawn


@pytest.mark.parametrize(
    "columns",
    [
        {"style": "boardingPass", "transit_type": "train", "barcode_format": "aztec", "fields": JOURNEY},
        {"style": "eventTicket", "barcode_format": "code128", "barcode_alt_text": True},
        {"style": "storeCard", "barcode_format": "none"},
        {"style": "coupon", "fields": []},
        {"fields": [{"area": "primary"}]},
    ],
)
def test_every_design_has_a_page(columns: dict[str, Any], acme: Account, root: Client) -> None:
    design = factories.credential_type(acme, **columns)
    for role in {"eventTicket": ["background"], "storeCard": ["strip"], "boardingPass": ["footer"]}.get(
        design.style, []
    ):
        set_image(design, role=role, upload=png(400, 300), actor="test")
    shown = root.get(page(design)).content.decode()
    is_broken = columns.get("fields") == [{"area": "primary"}]
    assert ("cannot be shown" in shown) == is_broken
    assert ('<svg class="pass"' in shown) != is_broken


def test_the_drawing_is_the_same_in_every_language(acme: Account, root: Client) -> None:
    design = factories.credential_type(acme)
    pictures = [
        re.search(
            r'<svg class="pass".*</svg>', root.get(page(design), headers=headers).content.decode(), re.DOTALL
        )
        for headers in ({"accept-language": "en"}, {"accept-language": "de"})
    ]
    assert pictures[0]
    assert pictures[1]
    first, second = (
        re.sub(r"\s+", " ", picture.group().partition("</svg>")[0]) for picture in pictures if picture
    )
    assert first == second

"""Branding: what an account may say and show, what is refused of it, and what is on record about it."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
from django.test import Client
from PIL import Image

from credentials.branding import branding_of, update_branding
from credentials.errors import Invalid
from credentials.models import Account, Branding, Event


def picture(width: int, height: int, *, kind: str = "PNG") -> bytes:
    """A picture file of that many pixels, with something in its metadata."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    Image.new("RGB", (width, height), "#c2410c").save(file, kind, exif=exif)
    return file.getvalue()


def changed(account: Account, **columns: Any) -> Branding:
    return update_branding(account, actor="admin:1", **columns)


def test_what_is_named_is_changed_and_on_record_without_its_words(acme: Account, globex: Account) -> None:
    changed(acme, accent_color="#C2410C", contact_email="desk@acme.example", texts={"en": {"name": "Acme"}})
    changed(acme, accent_color="#c2410c", contact_phone=" +41 44 123 45 67 ")
    kept = Branding.objects.get()
    assert (kept.account, kept.accent_color, kept.contact_phone) == (acme, "#c2410c", "+41 44 123 45 67")
    assert kept.text("name", language="en") == "Acme"
    assert [(event.type, event.account, event.actor, event.data) for event in Event.objects.all()] == [
        ("branding.updated", acme, "admin:1", {"changed": ["accent_color", "contact_email", "texts"]}),
        ("branding.updated", acme, "admin:1", {"changed": ["contact_phone"]}),
    ]
    assert branding_of(globex).accent_color == ""


def test_the_same_again_is_no_change(acme: Account) -> None:
    for _ in range(2):
        changed(acme, logo=picture(40, 40), texts={"en": {"help": "At the desk."}})
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("size", "becomes"), [((960, 400), (230, 96)), ((2000, 100), (480, 24)), ((100, 50), (100, 50))]
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_logo_is_fitted_cleaned_and_served_at_its_digest(
    client: Client, acme: Account, size: tuple[int, int], becomes: tuple[int, int], kind: str
) -> None:
    changed(acme, logo=picture(*size, kind=kind))
    kept = Branding.objects.get()
    png = bytes(kept.logo or b"")
    assert kept.logo_digest == hashlib.sha256(png).hexdigest()
    shown = Image.open(io.BytesIO(png))
    assert (shown.format, shown.size) == ("PNG", becomes)
    assert b"taken at home" not in png
    assert client.get(f"/brand/{kept.logo_digest}.png").content == png


def test_a_logo_is_taken_away(client: Client, acme: Account) -> None:
    digest = changed(acme, logo=picture(40, 40)).logo_digest
    changed(acme, logo=None)
    assert (Branding.objects.get().logo, Branding.objects.get().logo_digest) == (None, "")
    assert client.get(f"/brand/{digest}.png").status_code == 404


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("logo", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("logo", picture(40, 40)[:100]),
        *(("accent_color", colour) for colour in ("red", "#fff", "#gggggg", "#ffffff;", "ffffff")),
        *(("contact_email", address) for address in ("desk", "a@b@c", "a@b.example\r\nBcc: x@y.example")),
        *(("contact_phone", phone) for phone in ("call us", "1", "javascript:alert(1)", "1" * 41)),
        *(
            ("contact_url", url)
            for url in ("javascript:alert(1)", "ftp://acme.example", "acme", "https://a.example/" + "x" * 190)
        ),
        *(
            ("texts", texts)
            for texts in (
                ["en"],
                {"tlh": {"name": "Qapla"}},
                {"en": "Acme"},
                {"en": {"motto": "Lift"}},
                {"en": {"name": 7}},
                {"en": {"name": "x" * 101}},
                {"en": {"help": "x" * 501}},
                {"en": {"name": "Acme\nGym"}},
                {"en": {"help": "At the\x07desk"}},
                {"en": {"help": "\ud800"}},
                {"en": {"contact_email": "desk"}},
                {"en": {"contact_phone": "call us"}},
                {"en": {"contact_url": "javascript:alert(1)"}},
                {"en": {"contact_url": "https://a.example/" + "x" * 190}},
                {"en": {"contact_post": "1 High Street"}},
            )
        ),
    ],
)
def test_what_a_page_must_fear_is_refused_by_name(acme: Account, column: str, value: object) -> None:
    with pytest.raises(Invalid) as refused:
        changed(acme, **{"contact_email": "desk@acme.example", column: value})
    assert refused.value.field == column
    assert not Branding.objects.exists()
    assert not Event.objects.exists()


def test_texts_lose_what_is_empty_and_keep_their_lines(acme: Account) -> None:
    kept = changed(acme, texts={"en": {"name": " ", "help": " Ask.\r\nWe help. "}, "de": {"name": ""}})
    assert kept.texts == {"en": {"help": "Ask.\nWe help."}}


def test_a_language_has_a_contact_of_its_own_or_that_of_everybody(acme: Account) -> None:
    own = {"contact_email": " tresen@acme.example ", "contact_phone": "+49 30 123", "contact_url": ""}
    kept = changed(
        acme, contact_email="desk@acme.example", contact_url="https://acme.example", texts={"de": own}
    )
    assert kept.contact(language="de") == {
        "contact_email": "tresen@acme.example",
        "contact_phone": "+49 30 123",
        "contact_url": "https://acme.example",
    }
    assert kept.contact(language="fr") == {
        "contact_email": "desk@acme.example",
        "contact_phone": "",
        "contact_url": "https://acme.example",
    }


def test_what_is_wrong_with_a_text_is_said_with_its_language(acme: Account) -> None:
    with pytest.raises(Invalid) as refused:
        changed(acme, texts={"de": {"contact_email": "desk"}})
    assert refused.value.sentence == "German, contact_email: Write an e-mail address."

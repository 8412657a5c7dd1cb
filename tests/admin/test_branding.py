"""Branding in the admin: a page for each account, texts for each language, and a mail to look at."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from credentials.admin.branding import GROUNDS
from credentials.branding import update_branding
from credentials.models import Account, Branding, Event, Invitation, RedemptionUrl
from tests import factories
from tests.admin.conftest import Staff
from tests.credentials.pictures import png


def page(account: Account) -> str:
    """Where the branding of an account is edited."""
    return reverse("admin:credentials_branding_change", args=[account.pk])


def mail(account: Account, language: str) -> str:
    """Where a sample of its mail is shown."""
    return reverse("admin:credentials_branding_mail", args=[account.pk, language])


def test_an_account_leads_to_its_branding(acme: Account, globex: Account, root: Client) -> None:
    account = root.get(reverse("admin:credentials_account_change", args=[acme.pk])).content.decode()
    assert page(acme) in account
    assert page(globex) not in account
    assert root.get(page(acme)).status_code == 200
    assert not Branding.objects.exists()


def test_what_is_written_is_kept_and_shown_again(acme: Account, globex: Account, root: Client) -> None:
    written = {
        "logo": SimpleUploadedFile("logo.png", png(960, 200)),
        "accent_color": "#C2410C",
        "contact_email": "desk@acme.example",
        "contact_url": "acme.example/help",
        "texts_name_de": "Acme Sport",
        "texts_help_de": "Am Tresen helfen wir.",
        "texts_help_ar": "نساعدك هنا",
        "texts_contact_phone_ar": "+971 4 123 4567",
    }
    assert root.post(page(acme), written).status_code == 302
    kept = Branding.objects.get()
    assert (kept.account, kept.accent_color, kept.contact_url) == (
        acme,
        "#c2410c",
        "https://acme.example/help",
    )
    assert kept.texts == {
        "de": {"name": "Acme Sport", "help": "Am Tresen helfen wir."},
        "ar": {"help": "نساعدك هنا", "contact_phone": "+971 4 123 4567"},
    }
    assert kept.logo_digest
    shown = root.get(page(acme)).content.decode()
    logo = f"/brand/{kept.logo_digest}.png"
    for words in ("Acme Sport", "نساعدك هنا", "+971 4 123 4567", logo, "5.2:1 on white"):
        assert words in shown
    del written["logo"]
    root.post(page(acme), {**written, "texts_help_ar": "", "texts_contact_phone_ar": "", "logo-clear": "on"})
    kept.refresh_from_db()
    assert (kept.logo, list(kept.texts)) == (None, ["de"])
    assert [event.actor for event in Event.objects.all()] == ["admin:root"] * 2
    assert Event.objects.latest("id").data == {"changed": ["logo", "texts"]}


def test_a_colour_is_compared_with_what_buttons_stand_on() -> None:
    sheet = (settings.BASE_DIR / "templates/redemption/page.css").read_text()
    assert re.findall("--panel: (#[0-9a-f]{6});", sheet) == list(GROUNDS.values())
    mail = (settings.BASE_DIR / "templates/mail/invitation.html").read_text()
    assert all(f"background: {ground}" in mail for ground in GROUNDS.values())


@pytest.mark.parametrize(("colour", "warned"), [("#ffe34d", True), ("#c2410c", False), ("#101010", True)])
def test_a_colour_that_is_hard_to_see_is_kept_with_a_warning(
    acme: Account, root: Client, *, colour: str, warned: bool
) -> None:
    answer = root.post(page(acme), {"accent_color": colour}, follow=True)
    assert Branding.objects.get().accent_color == colour
    assert (f"{colour} is hard to see on" in answer.content.decode()) is warned
    assert ("Hard to see" in root.get(page(acme)).content.decode()) is warned


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("accent_color", "red"),
        ("contact_url", "javascript:alert(1)"),
        ("contact_phone", "call us"),
        ("texts_name_de", "x" * 101),
        ("texts_contact_email_de", "desk"),
        ("logo", SimpleUploadedFile("logo.png", b"<svg>")),
    ],
)
def test_what_is_refused_is_told_next_to_its_field(
    acme: Account, root: Client, field: str, value: object
) -> None:
    answer = root.post(page(acme), {field: value})
    assert list(answer.context["adminform"].form.errors) == ["texts" if "texts_" in field else field]
    assert not Branding.objects.exists()


def test_a_sample_of_the_mail_is_shown_and_nothing_is_sent_or_made(acme: Account, root: Client) -> None:
    update_branding(acme, logo=png(), accent_color="#c2410c", texts={"de": {"name": "Acme Sport"}}, actor="x")
    answer = root.get(mail(acme, "de"))
    shown = answer.content.decode()
    for words in (
        'lang="de"',
        "Acme Sport",
        "Ada",
        "background: #c2410c",
        f"/brand/{acme.branding.logo_digest}.png",
    ):
        assert words in shown
    assert "cid:" not in shown
    assert "script" not in answer["Content-Security-Policy"]
    assert "sandbox" in answer["Content-Security-Policy"]
    assert not Invitation.objects.exists()
    assert not RedemptionUrl.objects.exists()


def test_what_is_not_there_is_not_found(acme: Account, root: Client) -> None:
    assert root.get(mail(acme, "tlh")).status_code == 404
    assert root.get(mail(Account(pk=10**6), "en")).status_code == 404
    assert root.get(mail(acme, "en").replace(str(acme.pk), "x")).status_code == 404


def test_branding_needs_its_permission(acme: Account, staff: Staff) -> None:
    factories.person(acme)
    clerk = staff("view_account")
    assert (
        page(acme).encode()
        not in clerk.get(reverse("admin:credentials_account_change", args=[acme.pk])).content
    )
    assert clerk.get(page(acme)).status_code == 403
    assert clerk.get(mail(acme, "en")).status_code == 403
    assert clerk.post(page(acme), {"accent_color": "#c2410c"}).status_code == 403
    assert not Branding.objects.exists()


def test_who_may_only_look_sees_it(acme: Account, staff: Staff) -> None:
    update_branding(acme, accent_color="#c2410c", texts={"en": {"help": "Ask at the desk."}}, actor="x")
    clerk = staff("view_branding")
    shown = clerk.get(page(acme)).content.decode()
    assert "#c2410c" in shown
    assert "Ask at the desk." in shown
    assert clerk.post(page(acme), {"accent_color": ""}).status_code == 403

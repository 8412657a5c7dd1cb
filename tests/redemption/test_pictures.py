"""The picture of the pass on its page: what the design puts on its front, with this holder's words."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from credentials import designs
from credentials.models import Account, CredentialType
from redemption import pictures
from tests import factories
from tests.credentials.pictures import noise, pixels, png
from tests.redemption import standings

FIELDS: list[dict[str, Any]] = [
    {"area": "header", "key": "level", "label": "Level", "value": "Gold"},
    {"area": "primary", "key": "name", "label": "Member", "value": "Dear {first_name}"},
    {"area": "secondary", "key": "mail", "label": "Mail", "value": "{email}"},
    {"area": "secondary", "key": "ends", "label": "Until", "value": "{expires_at}", "date_style": "medium"},
    {"area": "auxiliary", "key": "number", "label": "Number", "value": "{system_id}"},
    {"area": "back", "key": "terms", "label": "Terms", "value": "Of {value}"},
]
STYLES = {
    "eventTicket": ("strip", "logo"),
    "storeCard": ("strip",),
    "coupon": ("strip", "logo"),
    "generic": ("thumbnail", "logo"),
}


def page_of(client: Client, kind: CredentialType, *, language: str = "en", **holder: Any) -> str:
    person = factories.person(kind.account, **holder)
    credential, url = factories.credential_and_url(kind.account, holder=person, credential_type=kind)
    credential.expires_at = datetime(2031, 3, 8, tzinfo=UTC)
    credential.save()
    path = standings.path_of(url)
    return client.get(path, headers={"accept-language": language}).content.decode()


def drawn(page: str) -> list[str]:
    """The lines of the picture, from top to bottom."""
    return re.findall(r"<text [^>]*>([^<]*)</text>", page)


def heard(page: str) -> str:
    """What a screen reader says of the picture."""
    (label,) = re.findall(r'<svg class="picture"[^>]* aria-label="([^"]*)"', page)
    return str(label)


def images(page: str) -> list[str]:
    return re.findall(r'<image href="([^"]+)"', page)


def test_the_picture_holds_what_the_front_of_the_pass_holds(client: Client, acme: Account) -> None:
    kind = factories.credential_type(acme, fields=FIELDS, logo_text="Acme Club")
    assert drawn(page_of(client, kind)) == [
        *("LEVEL", "Gold", "Acme Club", "MEMBER", "Dear Ada"),
        *("MAIL", "•••", "UNTIL", "March 8, 2031", "NUMBER", "•••"),
    ]


def test_the_picture_speaks_the_words_of_the_design(client: Client, acme: Account) -> None:
    words = {"Level": "Stufe", "Gold": "Güld", "Acme Club": "Acme-Verein", "Until": "Bis"}
    kind = factories.credential_type(acme, fields=FIELDS, logo_text="Acme Club", localizations={"de": words})
    lines = drawn(page_of(client, kind, language="de"))
    assert lines[:3] == ["STUFE", "Güld", "Acme-Verein"]
    assert lines[7:9] == ["BIS", "8. März 2031"]


def test_the_page_names_the_pass_as_the_design_does_in_its_language(client: Client, acme: Account) -> None:
    kind = factories.credential_type(acme, localizations={"de": {"Membership": "Mitgliedschaft"}})
    for language, name in (("de", "Mitgliedschaft"), ("fr", "Membership")):
        page = page_of(client, kind, language=language)
        assert f"<span>{name}</span>" in page
        assert name in heard(page)


def test_whoever_cannot_see_the_picture_hears_what_it_says(client: Client, acme: Account) -> None:
    kind = factories.credential_type(acme, fields=FIELDS, logo_text="Acme Club")
    assert heard(page_of(client, kind)) == (
        "Membership by Acme Gym. Level: Gold, Member: Dear Ada, Mail: •••, Until: March 8, 2031, Number: •••"
    )
    assert heard(page_of(client, kind, first_name='"><i>', email="", system_id="")).endswith(
        "Level: Gold, Member: Dear &quot;&gt;&lt;i&gt;, Until: March 8, 2031"
    )


def test_a_field_of_which_nothing_is_known_is_left_out(client: Client, acme: Account) -> None:
    kind = factories.credential_type(acme, fields=FIELDS)
    lines = drawn(page_of(client, kind, first_name="", email="", system_id=""))
    assert not {"MEMBER", "MAIL", "NUMBER"} & set(lines)
    assert "March 8, 2031" in lines


def test_long_words_are_cut_to_their_place(client: Client, acme: Account) -> None:
    kind = factories.credential_type(acme)
    lines = drawn(page_of(client, kind, first_name="Wolfeschlegelsteinhausenbergerdorff"))
    assert lines[-1] == "Wolfeschlegelsteinhau…"
    assert drawn(page_of(client, kind, first_name="寿限無" * 9, last_name=""))[-1] == "寿限無" * 3 + "寿限…"


def test_what_a_holder_is_called_can_be_no_placeholder(client: Client, acme: Account) -> None:
    kind = factories.credential_type(acme)
    lines = drawn(page_of(client, kind, first_name="{email}", last_name="<i>"))
    assert lines[-1] == "{email} &lt;."


def test_times_that_the_design_names_stay_on_its_clock(client: Client, acme: Account) -> None:
    moment = {"key": "begins", "label": "Begins", "value": "2031-03-08T20:30:00+09:00"}
    shown = []
    for styles in (
        {"date_style": "medium"},
        {"time_style": "short"},
        {"date_style": "short", "time_style": "short"},
    ):
        kind = factories.credential_type(acme, fields=[{"area": "primary", **moment, **styles}])
        shown.append(drawn(page_of(client, kind, language="de"))[-1])
    assert shown == ["8. März 2031", "20:30", "08.03.2031 20:30"]


@pytest.mark.parametrize("style", STYLES)
def test_the_images_of_a_design_are_shown_and_light(client: Client, acme: Account, style: str) -> None:
    kind = factories.credential_type(acme, style=style, fields=FIELDS)
    uploads = {role: noise(1125, 432) for role in STYLES[style]}
    kind = designs.update_credential_type(kind, images=uploads, actor="test")
    shown = images(page_of(client, kind))
    assert len(shown) == len(uploads)
    weight = 0
    for address in shown:
        answer = client.get(address)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
        assert "immutable" in answer["Cache-Control"]
        assert pixels(answer.content).width >= 60
        weight += len(answer.content)
    assert weight <= 20_000


def test_a_background_lies_blurred_behind_it_all(client: Client, acme: Account) -> None:
    kind = factories.credential_type(acme, style="eventTicket")
    uploads = {"background": noise(540, 660)}
    kind = designs.update_credential_type(kind, images=uploads, actor="test")
    (address,) = images(page_of(client, kind))
    assert len(client.get(address).content) <= pictures.WEIGHTS["background"][1]


def test_a_change_of_the_design_shows_at_once(client: Client, acme: Account) -> None:
    kind = factories.credential_type(acme, style="storeCard")
    kind = designs.update_credential_type(kind, images={"strip": png(750, 288)}, actor="test")
    (before,) = images(page_of(client, kind))
    kind = designs.update_credential_type(
        kind, images={"strip": png(750, 288, colour="#ff0000")}, label="Season", logo_text="New", actor="test"
    )
    page = page_of(client, kind)
    (after,) = images(page)
    assert "New" in drawn(page)
    red, _, blue = pixels(client.get(after).content).convert("RGB").getpixel((9, 9))  # type: ignore[misc]
    assert red > 200 > 100 > blue
    # Of an older page: shown as it is by now rather than not at all.
    assert client.get(before).status_code == 200


def test_nobody_sees_designs_by_guessing(client: Client, acme: Account) -> None:
    kind = factories.credential_type(acme, style="storeCard")
    kind = designs.update_credential_type(kind, images={"strip": png(750, 288)}, actor="test")
    good = pictures.address(kind.pk, kind.version, "strip")
    assert client.get(good).status_code == 200
    for wrong in (
        good.replace("strip", "logo"),
        good.replace(f"/{kind.pk}-", f"/{kind.pk + 1}-"),
        f"/brand/{kind.pk}-{kind.version}-strip.webp",
        f"/brand/{kind.pk}-{kind.version}-strip.....webp",
        "/brand/.webp",
    ):
        assert client.get(wrong).status_code == 404, wrong
    assert client.get(pictures.address(kind.pk, kind.version, "logo")).status_code == 404
    assert client.get(pictures.address(kind.pk + 1, 1, "strip")).status_code == 404
    assert client.post(good).status_code == 405


def test_a_journey_is_drawn_from_place_to_place(client: Client, acme: Account) -> None:
    fields = [
        {"area": "primary", "key": "from", "label": "Bern", "value": "BRN"},
        {"area": "primary", "key": "to", "label": "Rome", "value": "ROM"},
        {"area": "auxiliary", "key": "seat", "label": "Seat", "value": "11A"},
        {"area": "secondary", "key": "name", "label": "Passenger", "value": "{full_name}"},
    ]
    kind = factories.credential_type(acme, style="boardingPass", transit_type="train", fields=fields)
    lines = drawn(page_of(client, kind))
    assert lines == ["BERN", "BRN", "ROME", "ROM", "→", "SEAT", "11A", "PASSENGER", "Ada L."]

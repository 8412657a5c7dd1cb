"""The images of cards: public to whoever was told the address, and to nobody who guesses."""

from __future__ import annotations

import pytest
from django.test import Client

from credentials.designs import remove_image, set_image
from credentials.models import Account, CredentialType, DesignImage
from redemption.google.classes import class_for
from redemption.models import GoogleClass
from tests import factories
from tests.redemption import standings
from tests.redemption.apple.passes import png

LASTING = "public, max-age=31536000, immutable"


@pytest.fixture
def google_class(acme: Account) -> GoogleClass:
    """Of a design with three images, in its fourth version."""
    kind = factories.credential_type(acme, style="storeCard")
    for role in ("icon", "logo", "strip"):
        kind = set_image(kind, role=role, upload=png(1200, 460), actor="test")
    return class_for(factories.google_issuer(acme), kind)


def path(google_class: GoogleClass, role: str, *, version: object = 4) -> str:
    return f"/google/images/{google_class.suffix}/{version}/{role}.png"


@pytest.mark.parametrize("role", ["icon", "logo", "strip"])
def test_an_image_is_served_in_its_finest_rendition(
    client: Client, google_class: GoogleClass, role: str
) -> None:
    answer = client.get(path(google_class, role))
    finest = DesignImage.objects.filter(role=role).latest("scale")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert answer.content == bytes(finest.png)
    assert finest.scale == 3
    assert answer["Cache-Control"] == LASTING
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert not answer.cookies


def test_looking_changes_nothing(client: Client, google_class: GoogleClass) -> None:
    before = standings.every_row()
    head = client.head(path(google_class, "icon"))
    assert (head.status_code, head.content) == (200, b"")
    client.get(path(google_class, "icon"))
    assert standings.every_row() == before


def test_what_is_known_already_is_not_sent_again(client: Client, google_class: GoogleClass) -> None:
    etag = client.get(path(google_class, "icon"))["ETag"]
    again = client.get(path(google_class, "icon"), headers={"if-none-match": etag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    kind = CredentialType.objects.get()
    set_image(kind, role="icon", upload=png(600, 600), actor="test")
    changed = client.get(path(google_class, "icon", version=5), headers={"if-none-match": etag})
    assert changed.status_code == 200


def test_a_former_address_leads_to_the_image_of_today(client: Client, google_class: GoogleClass) -> None:
    """A card that still names it must not lose its picture; nobody shall keep it for long."""
    answer = client.get(path(google_class, "icon", version=3))
    assert answer.content == client.get(path(google_class, "icon")).content
    assert answer["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize("role", ["thumbnail", "background", "footer", "poster", "status"])
def test_what_no_card_shows_is_not_served(client: Client, google_class: GoogleClass, role: str) -> None:
    if role in DesignImage.Role.values:
        DesignImage.objects.create(
            credential_type=google_class.credential_type, role=role, scale=1, png=png(1, 1)
        )
    assert client.get(path(google_class, role)).status_code == 404


@pytest.mark.parametrize("version", [5, 999_999_999, 10**20, "0x4", "-1", "latest"])
def test_a_version_that_never_was_has_no_image(
    client: Client, google_class: GoogleClass, version: object
) -> None:
    assert client.get(path(google_class, "icon", version=version)).status_code == 404


@pytest.mark.parametrize("suffix", ["unknown", "a" * 24, "a" * 25, "..", "%00"])
def test_an_unknown_class_has_no_image(client: Client, google_class: GoogleClass, suffix: str) -> None:
    assert client.get(f"/google/images/{suffix}/4/icon.png").status_code == 404


def test_an_image_that_was_removed_is_gone(client: Client, google_class: GoogleClass) -> None:
    remove_image(google_class.credential_type, role="icon", actor="test")
    for version in (4, 5):
        assert client.get(path(google_class, "icon", version=version)).status_code == 404


def test_an_address_leads_to_the_images_of_its_own_class(
    client: Client, google_class: GoogleClass, globex: Account
) -> None:
    theirs = class_for(factories.google_issuer(globex), factories.credential_type(globex))
    assert client.get(path(theirs, "icon", version=1)).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_images_can_only_be_fetched(client: Client, google_class: GoogleClass, method: str) -> None:
    answer = getattr(client, method)(path(google_class, "icon"))
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")

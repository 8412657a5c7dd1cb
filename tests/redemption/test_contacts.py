"""Whom a page names for help: the contact of its language, at links that can be followed."""

from __future__ import annotations

import pytest
from django.test import Client

from credentials.branding import update_branding
from credentials.models import Account
from credentials.templatetags.telephones import tel
from tests.redemption import standings


def test_a_page_names_the_contact_of_its_language(client: Client, acme: Account) -> None:
    update_branding(
        acme,
        contact_email="desk@acme.example",
        contact_phone="+41 (0)44 123 45 67",
        texts={"de": {"contact_email": "tresen@acme.example", "contact_phone": "+49 (0)30/123-45"}},
        actor="test",
    )
    path = standings.ready(acme)
    german = client.get(path, headers={"Accept-Language": "de"}).content.decode()
    french = client.get(path, headers={"Accept-Language": "fr"}).content.decode()
    for link in ('"mailto:tresen@acme.example"', '"tel:+493012345"'):
        assert link in german
        assert link not in french
    for link in ('"mailto:desk@acme.example"', '"tel:+41441234567"'):
        assert link in french
        assert link not in german


@pytest.mark.parametrize(
    ("written", "dialled"),
    [
        ("+49 (0)30/123-45", "tel:+493012345"),
        ("+49 ( 0 ) 30 123", "tel:+4930123"),
        ("044 123.45.67", "tel:0441234567"),
        ("+1 (212) 555-0100", "tel:+12125550100"),
    ],
)
def test_a_number_is_linked_as_it_is_dialled(written: str, dialled: str) -> None:
    assert tel(written) == dialled

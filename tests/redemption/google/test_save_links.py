"""A save link names one object, is signed by the issuer's service account, and stays short."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from django.utils import timezone
from pytest_django import Settings

from credentials.models import Account
from redemption.google import save_links
from redemption.google.errors import KeyRefused
from redemption.google.issuers import import_issuer
from redemption.google.service_accounts import MOST_BITS
from redemption.models import GoogleClass, GoogleIssuer, GooglePass
from tests import factories
from tests.fakes.google_accounts import ServiceAccount

# Google, JWT guide: a longer one may be cut off on its way.
LONGEST_JWT = 1800


def card_of(issuer: GoogleIssuer) -> GooglePass:
    """A card that was just claimed."""
    kind = factories.credential_type(issuer.account)
    credential = factories.credential(issuer.account, credential_type=kind)
    return GooglePass.objects.create(
        wallet_pass=factories.wallet_pass(credential, wallet="google"),
        google_class=GoogleClass.objects.create(issuer=issuer, credential_type=kind),
        modified_at=timezone.now(),
    )


def jwt_of(link: str, settings: Settings) -> str:
    assert link.startswith(settings.GOOGLE_SAVE_URL)
    return link.removeprefix(settings.GOOGLE_SAVE_URL)


def read(part: str) -> Any:
    assert "=" not in part
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.fixture
def public(settings: Settings) -> Settings:
    """PassFlow as it is reached from outside."""
    settings.BASE_URL = "https://passes.example.org"
    return settings


def test_a_link_says_what_google_wants_to_hear(
    issuer: GoogleIssuer, service_account: ServiceAccount, public: Settings
) -> None:
    card = card_of(issuer)
    with time_machine.travel(datetime(2030, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC), tick=False):
        link = save_links.mint(card)
    head, claims, signature = jwt_of(link, public).split(".")
    assert read(head) == {"alg": "RS256", "typ": "JWT", "kid": service_account.private_key_id}
    assert read(claims) == {
        "iss": service_account.email,
        "aud": "google",
        "typ": "savetowallet",
        "iat": 1_893_499_200,
        "origins": ["https://passes.example.org"],
        "payload": {"genericObjects": [{"id": card.object_id, "classId": card.google_class.class_id}]},
    }
    assert isinstance(read(claims)["iat"], int)
    service_account.key.public_key().verify(
        base64.urlsafe_b64decode(signature + "=="), f"{head}.{claims}".encode(), padding.PKCS1v15(), SHA256()
    )


def test_a_link_holds_neither_the_value_nor_the_holder(issuer: GoogleIssuer, public: Settings) -> None:
    card = card_of(issuer)
    claims = json.dumps(read(jwt_of(save_links.mint(card), public).split(".")[1]))
    person = card.wallet_pass.credential.person
    for private in (person.last_name, person.email, person.system_id, card.wallet_pass.credential.public_id):
        assert private not in claims


def test_the_longest_link_is_short_enough(acme: Account, public: Settings) -> None:
    public.BASE_URL = f"https://{'passes.' * 12}example.org"
    # Google's limits: 30 characters for an account, 30 for its project.
    account = ServiceAccount(
        token_uri="https://oauth2.googleapis.com/token",
        project_id="p" * 30,
        email=f"{'a' * 30}@{'p' * 30}.iam.gserviceaccount.com",
    )
    issuer = import_issuer(acme, issuer_id="3" * 22, service_account=account.file(), actor="test")
    token = jwt_of(save_links.mint(card_of(issuer)), public)
    # The longest key that is taken signs in 512 bytes, this one in 256.
    longer = (MOST_BITS - account.key.key_size) // 8 * 4 // 3
    assert 1000 < len(token) <= LONGEST_JWT - longer


def test_without_a_key_there_is_no_link(issuer: GoogleIssuer) -> None:
    card = card_of(issuer)
    card.google_class.issuer.private_key = None
    with pytest.raises(KeyRefused):
        save_links.mint(card)

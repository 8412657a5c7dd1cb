"""Sample data for a first look: an account that can issue passes, and somebody to issue one to."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from credentials import apikeys, designs, issuing, people, tokens
from credentials.errors import AlreadyHeld
from credentials.models import Account, ApiKey, Credential, CredentialType, Person
from credentials.scopes import Scope
from redemption.apple import development_ca
from redemption.apple.identities import import_identity
from redemption.models import AppleIdentity

ACTOR = "demo"
ADMIN = "admin"
PASS_TYPE_IDENTIFIER = "pass.dev.passflow.demo"
TEAM_IDENTIFIER = "PASSFLOW01"
CERTIFICATE_LIFETIME = timedelta(days=825)

FIELDS = [
    {"area": "header", "key": "level", "label": "Level", "value": "Gold"},
    {"area": "primary", "key": "name", "label": "Member", "value": "{full_name}"},
    {"area": "secondary", "key": "number", "label": "Number", "value": "{system_id}"},
    {
        "area": "secondary",
        "key": "valid",
        "label": "Valid until",
        "value": "{expires_at}",
        "date_style": "medium",
    },
    {
        "area": "back",
        "key": "terms",
        "label": "Terms",
        "value": "This card is personal. Show it at the door.",
    },
]


@dataclass(frozen=True)
class Places:
    """Where the demo keeps what a second run, or another program, needs to find."""

    facts: Path
    root_certificate: Path

    @classmethod
    def below(cls, folder: Path) -> Places:
        """The places in `folder`, usually `var/`."""
        return cls(folder / "demo.json", folder / "demo-root.pem")


def prepare(places: Places) -> dict[str, Any]:
    """Makes what is missing, reuses the rest, mints a fresh redemption URL; writes and returns the facts."""
    known = _known(places)
    account, _ = Account.objects.get_or_create(slug="demo", defaults={"name": "Harbour Gym"})
    _give_certificate(account, places)
    credential, url = _issue(_person(account), _membership(account))
    facts = {
        "base_url": settings.BASE_URL,
        "api_key": _api_key(account, known.get("api_key", "")),
        "account": account.slug,
        "redemption_url": url,
        "credential_id": credential.public_id,
        "person_id": credential.person_id,
        "admin": {
            "url": f"{settings.BASE_URL}/admin/",
            "username": ADMIN,
            "password": _admin_password(known.get("admin", {}).get("password", "")),
        },
        "apple": {
            "root_certificate": str(places.root_certificate),
            "pass_type_identifier": PASS_TYPE_IDENTIFIER,
            "team_identifier": TEAM_IDENTIFIER,
        },
    }
    _write(places.facts, json.dumps(facts, indent=2) + "\n")
    return facts


def _known(places: Places) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(places.facts.read_text())
    except (OSError, ValueError):
        return {}
    return known


def _give_certificate(account: Account, places: Places) -> None:
    """A development CA, forgotten once it has issued one certificate; its root is kept, for verifiers."""
    now = timezone.now()
    mine = AppleIdentity.objects.filter(pass_type__pass_type_identifier=PASS_TYPE_IDENTIFIER)
    if places.root_certificate.exists() and mine.filter(not_after__gt=now + timedelta(days=30)).exists():
        return
    validity = development_ca.Validity(now - timedelta(hours=1), now + CERTIFICATE_LIFETIME)
    ca = development_ca.create_development_ca(validity=validity)
    issued = development_ca.issue_pass_certificate(
        ca, PASS_TYPE_IDENTIFIER, team_identifier=TEAM_IDENTIFIER, validity=validity
    )
    import_identity(
        account, certificate=issued.certificate_pem, key=issued.key_pem, wwdr=ca.wwdr.pem, actor=ACTOR
    )
    _write(places.root_certificate, ca.root.pem.decode())


def _membership(account: Account) -> CredentialType:
    existing = account.credential_types.filter(slug="membership").first()
    if existing is not None:
        return existing
    return designs.create_credential_type(
        account,
        actor=ACTOR,
        label="Membership",
        slug="membership",
        logo_text="Harbour Gym",
        background_color="#0f3d3e",
        foreground_color="#ffffff",
        label_color="#a7d7c5",
        fields=FIELDS,
        localizations={"de": {"Member": "Mitglied", "Number": "Nummer", "Valid until": "Gültig bis"}},
    )


def _person(account: Account) -> Person:
    existing = account.people.present().filter(system_id="HG-1001").first()
    return existing or people.create_person(
        account,
        first_name="Grace",
        last_name="Hopper",
        email="grace@example.org",
        system_id="HG-1001",
        actor=ACTOR,
    )


def _issue(person: Person, credential_type: CredentialType) -> tuple[Credential, str]:
    try:
        return issuing.issue(person, credential_type=credential_type, actor=ACTOR)
    except AlreadyHeld as refusal:
        return issuing.renew_url(refusal.held, actor=ACTOR)


def _api_key(account: Account, known: str) -> str:
    live = ApiKey.objects.filter(account=account, digest=tokens.digest(known), revoked_at=None)
    if known and live.exists():
        return known
    return apikeys.create_api_key(account, name="demo", scopes=list(Scope), actor=ACTOR)[1]


def _admin_password(known: str) -> str:
    admin, _ = User.objects.get_or_create(username=ADMIN, defaults={"is_staff": True, "is_superuser": True})
    if known and admin.check_password(known):
        return known
    password = tokens.mint_password()
    admin.set_password(password)
    admin.save()
    return password


def _write(path: Path, text: str) -> None:
    """Readable by the owner only, and whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)

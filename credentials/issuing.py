"""Issuing a credential, and the redemption URL that goes out with it."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from credentials import lifecycle, tokens
from credentials.errors import AlreadyHeld, IllegalMove, Invalid
from credentials.event_types import EventType
from credentials.events import record_for_credential
from credentials.models import Credential, CredentialType, Person, RedemptionUrl
from credentials.people import lock_person
from credentials.states import LIVE


def issue(
    person: Person, *, credential_type: CredentialType, actor: str, expires_at: datetime | None = None
) -> tuple[Credential, str]:
    """A new credential and its redemption URL, which nobody can read again afterwards.

    Raises `AlreadyHeld` when the person holds a live credential of that type, and `Invalid` when
    `expires_at` has passed already or the type is another account's.
    """
    now = timezone.now()
    if credential_type.account_id != person.account_id:
        raise Invalid("credential_type_id", "There is no such credential type in this account.")
    if expires_at is not None and expires_at <= now:
        raise Invalid("expires_at", "This time has already passed.")
    with transaction.atomic():
        person = lock_person(person)
        _make_room(person, credential_type, now=now)
        credential = Credential.objects.create(
            account=person.account,
            person=person,
            credential_type=credential_type,
            invited_at=now,
            sequence=1,
            expires_at=expires_at,
            url_expires_at=_url_end(person, now=now),
        )
        url = _mint_url(credential)
        record_for_credential(EventType.CREDENTIAL_CREATED, credential, installed=None, actor=actor, now=now)
    return credential, url


def renew_url(credential: Credential, *, actor: str) -> tuple[Credential, str]:
    """A fresh redemption URL; the former one and all that it offered stop working at once.

    It opens whatever a removal has closed: the issuer gave it out on purpose.

    Raises `IllegalMove` when the credential has ended.
    """
    now = timezone.now()
    with transaction.atomic():
        credential = _lock_live(credential, now=now)
        credential.urls.filter(replaced_at=None).update(replaced_at=now)
        lifecycle.void_offers(credential, now=now)
        credential.url_expires_at = _url_end(credential.person, now=now)
        credential.reopens_at, credential.awaits_approval = None, False
        credential.sequence += 1
        credential.save(update_fields=["url_expires_at", "reopens_at", "awaits_approval", "sequence"])
        url = _mint_url(credential)
        record_for_credential(
            EventType.CREDENTIAL_URL_ISSUED,
            credential,
            installed=credential.installed_pass,
            actor=actor,
            now=now,
        )
    return credential, url


def set_expiry(credential: Credential, *, expires_at: datetime | None, actor: str) -> Credential:
    """Moves the end of a credential, or takes it away with `None`.

    Raises `Invalid` when `expires_at` has passed already, `IllegalMove` when the credential has ended.
    """
    now = timezone.now()
    if expires_at is not None and expires_at <= now:
        raise Invalid("expires_at", "This time has already passed.")
    with transaction.atomic():
        credential = _lock_live(credential, now=now)
        if expires_at == credential.expires_at:
            return credential
        credential.expires_at = expires_at
        credential.sequence += 1
        credential.save(update_fields=["expires_at", "sequence"])
        record_for_credential(
            EventType.CREDENTIAL_UPDATED,
            credential,
            installed=credential.installed_pass,
            actor=actor,
            now=now,
        )
    return credential


def _make_room(person: Person, credential_type: CredentialType, *, now: datetime) -> None:
    """Raises `AlreadyHeld` unless the person, whose row is held, may be given one of this type.

    Dates bind at once: one whose end has come holds no place, though no sweep has recorded it yet.
    """
    live = Credential.objects.with_installed_pass().filter(person=person, state__in=LIVE)
    held = live.filter(credential_type=credential_type).first()
    if held is not None and not (held.has_expired(now) and lifecycle.expire(held)):
        raise AlreadyHeld("The person already holds a credential of this type.", held=held)


def _lock_live(credential: Credential, *, now: datetime) -> Credential:
    """The row as it is now, held until the transaction ends."""
    rows = Credential.objects.select_related("person", "credential_type", "account")
    held = rows.select_for_update(of=("self",), no_key=True).get(pk=credential.pk)
    if held.state not in LIVE or held.has_expired(now):
        raise IllegalMove("This credential has ended.")
    return held


def _mint_url(credential: Credential) -> str:
    token = tokens.mint_url_token()
    RedemptionUrl.objects.create(credential=credential, digest=tokens.url_token_digest(token))
    return f"{settings.BASE_URL}/passes/{token}"


def _url_end(person: Person, *, now: datetime) -> datetime | None:
    lifetime = person.account.url_lifetime
    return None if lifetime is None else now + lifetime

"""What the page of a visit shows: the part that many visitors share, and the part that is this one's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from django.utils import timezone, translation

from credentials import days
from credentials.models import Account, Branding, Credential, Person
from redemption import wallets
from redemption.access import ENDED, Standing, Visit
from redemption.pass_facts import end_of
from redemption.shells import Look, Notice

HIDDEN = "•••"


def look_of(visit: Visit, *, known: Mapping[str, str], language: str, notice: Notice) -> Look:
    """The shared part, hashable; texts are those of `language`, and `known` is what `texts_of` has."""
    credential, kind = visit.credential, visit.credential.credential_type
    ready = visit.standing == Standing.READY
    return Look(
        template=template_of(visit),
        standing=str(visit.standing),
        credential_type_id=kind.pk,
        version=kind.version,
        known=frozenset(known),
        installed_wallet=visit.installed_wallet,
        offered=visit.offered if ready else (),
        designed_for=tuple(wallet for wallet, is_meant in wallets.enabled(kind).items() if is_meant),
        has_expired=credential.has_expired(timezone.now()),
        awaits_approval=credential.awaits_approval,
        reopening=credential.account.reopening,
        pause=credential.account.reopening_pause,
        notice=notice if ready else Notice.NONE,
        help_language=_help_language(credential.account, language=language),
        **_branded(credential.account, language=language),
    )


def template_of(visit: Visit) -> str:
    """The name of the page: that of the standing, or of the reason for it that needs words of its own."""
    if visit.standing == Standing.REPLACED and visit.used_up:
        return "used_up"
    if visit.standing == Standing.SUSPENDED:
        return _held_back(visit.credential, now=timezone.now())
    return str(visit.standing)


def texts_of(visit: Visit, *, language: str) -> dict[str, str]:
    """What the picture of the pass says of its holder, by placeholder: nothing once the link has ended.

    First name and initial, since whoever has the link reads it; of the rest, no more than that it is there.
    """
    if visit.standing in ENDED:
        return {}
    person: Person = visit.credential.person
    initial = f"{person.last_name[:1]}." if person.last_name else ""
    end = end_of(visit.credential)
    texts = {
        "first_name": person.first_name,
        "last_name": initial,
        "full_name": f"{person.first_name} {initial}".strip(),
        "email": person.email and HIDDEN,
        "system_id": person.system_id and HIDDEN,
        "label": visit.credential.credential_type.label,
        "value": HIDDEN,
        "expires_at": f"{end.astimezone(UTC):%Y-%m-%d}" if end else "",
        "end_date": _written(end, "DATE_FORMAT", language=language),
    }
    return {name: text for name, text in texts.items() if text}


def day_of(visit: Visit, *, language: str) -> str:
    """The day, or of what is yet to come the time, that this page speaks of, as `language` writes it."""
    credential, template = visit.credential, template_of(visit)
    if template in ("closed", "early"):
        begins = credential.reopens_at if template == "closed" else credential.person.valid_from
        return _written(begins, "DATETIME_FORMAT", language=language)
    return _written(_day(credential, visit), "DATE_FORMAT", language=language)


def _held_back(credential: Credential, *, now: datetime) -> str:
    """What a suspended pass waits for, if for anything: a date that has passed does not come again."""
    person = credential.person
    if person.valid_to is not None and person.valid_to <= now:
        return "over"
    if credential.suspended_at is not None or not person.enabled:
        return "suspended"
    return "early" if credential.is_suspended(now) else "closed"


def _day(credential: Credential, visit: Visit) -> datetime | None:
    if visit.standing == Standing.EXPIRED:
        ended = credential.has_expired(timezone.now()) and credential.expires_at
        return ended or credential.url_expires_at
    return {
        Standing.SUSPENDED: credential.person.valid_to,
        Standing.IN_USE: credential.added_to_wallet_at,
        Standing.REVOKED: credential.revoked_at,
        Standing.REPLACED: credential.removed_from_wallet_at,
    }.get(visit.standing)


def _written(moment: datetime | None, form: str, *, language: str) -> str:
    if moment is None:
        return ""
    with translation.override(language):
        return days.written(moment.astimezone(UTC), form)


def _branded(account: Account, *, language: str) -> dict[str, str]:
    branding: Branding | None = getattr(account, "branding", None)
    if branding is None:
        return {"organization": account.name}
    return {
        "organization": branding.text("name", language=language) or account.name,
        "help": branding.text("help", language=language),
        "logo": f"/brand/{branding.logo_digest}.webp" if branding.logo_digest else "",
        "accent_color": branding.accent_color,
        **branding.contact(language=language),
    }


def _help_language(account: Account, *, language: str) -> str:
    branding: Branding | None = getattr(account, "branding", None)
    if branding is None or branding.texts.get(language, {}).get("help"):
        return ""
    return account.language if account.language != language else ""

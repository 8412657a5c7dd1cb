"""The verb on branding: what an account looks and sounds like, with nothing in it that a page must fear."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.db import transaction
from django.utils import timezone

from credentials.characters import control_in
from credentials.errors import Invalid
from credentials.event_types import EventType
from credentials.events import record
from credentials.images import logo_png
from credentials.models import Account, Branding

# Pixels; pages and mails show it at half of that, so that it is sharp on every screen.
LOGO_BOX = (480, 96)
MOST_OF_URL = 200
# By name, how many characters a text may have.
TEXTS = {"name": 100, "help": 500, "contact_email": 254, "contact_phone": 40, "contact_url": MOST_OF_URL}

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()/.-]{2,38}")
_is_email = EmailValidator("Write an e-mail address.")
_is_url = URLValidator(schemes=["http", "https"], message="Write an address that begins with https://.")


def branding_of(account: Account) -> Branding:
    """The branding of an account; one that says nothing where it has none."""
    found: Branding | None = getattr(account, "branding", None)
    return found or Branding(account=account)


def update_branding(account: Account, *, actor: str, **columns: Any) -> Branding:
    """Changes what is named. Raises `Invalid` naming the column that cannot be accepted.

    `logo` is a PNG or JPEG file, or None to show none; `texts` has by language a `name`, a `help` and
    whichever `contact_…` is another one than for everybody.
    """
    wanted = {name: _CHECKS[name](value) for name, value in columns.items() if name != "logo"}
    if "logo" in columns:
        wanted |= _logo(columns["logo"])
    with transaction.atomic():
        # The account's row is held: the branding itself may not be there yet.
        account = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        branding = Branding.objects.filter(account=account).first() or Branding(account=account)
        changed = [name for name, value in wanted.items() if _differs(branding, name, value)]
        if not changed:
            return branding
        for name in changed:
            setattr(branding, name, wanted[name])
        branding.save()
        told = {"changed": sorted({"logo" if name == "logo_digest" else name for name in changed})}
        record(EventType.BRANDING_UPDATED, account=account, actor=actor, now=timezone.now(), data=told)
    return branding


def _logo(upload: bytes | None) -> dict[str, Any]:
    if upload is None:
        return {"logo": None, "logo_digest": ""}
    png = logo_png(upload, box=LOGO_BOX)
    return {"logo": png, "logo_digest": hashlib.sha256(png).hexdigest()}


def _differs(branding: Branding, name: str, value: Any) -> bool:
    kept = getattr(branding, name)
    # PostgreSQL gives bytes back as a memoryview, which never equals bytes.
    return bool((bytes(kept) if name == "logo" and kept is not None else kept) != value)


def _accent_color(value: str) -> str:
    colour = value.strip().lower()
    if colour and not _COLOUR.fullmatch(colour):
        raise Invalid("accent_color", "Write the colour as #rrggbb.")
    return colour


def _contact_email(value: str) -> str:
    return _validated("contact_email", value, check=_is_email)


def _contact_phone(value: str) -> str:
    phone = value.strip()
    if phone and not _PHONE.fullmatch(phone):
        raise Invalid("contact_phone", "Write a telephone number, such as +41 44 123 45 67.")
    return phone


def _contact_url(value: str) -> str:
    if len(value) > MOST_OF_URL:
        raise Invalid("contact_url", f"This has more than {MOST_OF_URL} characters.")
    return _validated("contact_url", value, check=_is_url)


def _validated(field: str, value: str, *, check: EmailValidator | URLValidator) -> str:
    value = value.strip()
    try:
        if value:
            check(value)
    except ValidationError as refused:
        raise Invalid(field, str(refused.message)) from None
    return value


def _texts(value: object) -> dict[str, dict[str, str]]:
    """By language and name, what there is to say; what is empty is left out."""
    if not isinstance(value, Mapping):
        raise Invalid("texts", "This must be an object with a language for each of its members.")
    known, said = dict(settings.LANGUAGES), {}
    for code, texts in value.items():
        if code not in known:
            raise Invalid("texts", f"“{code}” is none of the languages {', '.join(known)}.")
        if not isinstance(texts, Mapping):
            raise Invalid("texts", f"{known[code]}: this must be an object with {', '.join(TEXTS)}.")
        if words := _texts_of(texts, language=known[code]):
            said[code] = words
    return said


def _texts_of(texts: Mapping[str, object], *, language: str) -> dict[str, str]:
    said = {}
    for name, written in texts.items():
        if name not in TEXTS or not isinstance(written, str):
            raise Invalid("texts", f"{language}: there are {', '.join(TEXTS)}, and nothing else.")
        try:
            text = _text(name, written)
        except Invalid as refused:
            raise Invalid("texts", f"{language}, {name}: {refused.sentence}") from None
        if text:
            said[name] = text
    return said


def _text(name: str, written: str) -> str:
    # A browser sends the end of a line as two characters.
    text = written.replace("\r\n", "\n").strip()
    if len(text) > TEXTS[name]:
        raise Invalid(name, f"This has more than {TEXTS[name]} characters.")
    if name in _CONTACT_CHECKS:
        return _CONTACT_CHECKS[name](text)
    if control := control_in(text, allowed="\n" if name == "help" else ""):
        raise Invalid(name, f"This holds the control character {control}.")
    return text


_CONTACT_CHECKS = {
    "contact_email": _contact_email,
    "contact_phone": _contact_phone,
    "contact_url": _contact_url,
}
_CHECKS = {"accent_color": _accent_color, **_CONTACT_CHECKS, "texts": _texts}

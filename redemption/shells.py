"""Pages as they are for everybody: rendered once per look and language, then filled for each visitor.

Whoever opens a link waits for one look-up and a few replacements instead of a template. Nothing has to be
invalidated: a shell is a function of what it shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.html import escape
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _

from credentials import tokens
from credentials.models.accounts import Reopening
from credentials.states import Wallet
from redemption import pictures
from redemption.devices import Device
from redemption.pictures import Slot
from redemption.styles import PAGE_ELEMENT

# What differs from visitor to visitor, beside the words in the picture. The stand-ins are random, and fit
# where a token or a text fits.
SLOTS: Mapping[str, str] = {name: tokens.mint_url_token() for name in ("token", "day")}

# Where something can still happen while the page is open.
WATCHED = ("ready", "in_use", "suspended")


class Notice(Enum):
    """What to tell somebody whose step failed although the URL is good: the page still has its buttons."""

    NONE = ""
    DOWNLOAD_ENDED = _("That download has ended. Add the pass again to get a fresh one.")
    GOOGLE_DOWN = _(
        "Google Wallet cannot be reached at the moment, and nothing has changed. "
        "Please try again in a few minutes."
    )
    DOWN = _("This does not work at the moment, and nothing has changed. Please try again in a few minutes.")


_OURS = urlsplit(settings.BASE_URL)


@dataclass(frozen=True)
class Look:
    """All that a page shows and that visitors of one kind have in common."""

    # The page of `redemption/` that says it.
    template: str
    standing: str
    organization: str
    credential_type_id: int
    version: int
    # The placeholders of a pass that say something of this kind of visitor.
    known: frozenset[str] = frozenset()
    # As `/brand/<digest>.webp`; empty without a logo.
    logo: str = ""
    accent_color: str = ""
    help: str = ""
    # Where that is another than the page's.
    help_language: str = ""
    contact_email: str = ""
    contact_phone: str = ""
    contact_url: str = ""
    installed_wallet: Wallet | None = None
    # Where a pass could go now, and what its design is meant for.
    offered: tuple[Wallet, ...] = ()
    designed_for: tuple[Wallet, ...] = ()
    has_expired: bool = False
    awaits_approval: bool = False
    # When the link works again after a removal, and how long a pause lasts.
    reopening: str = Reopening.AT_ONCE
    pause: timedelta = timedelta()
    notice: Notice = Notice.NONE


@dataclass(frozen=True)
class Shell:
    """A page with its slots open; the style, between its head and the rest, is kept once for all."""

    head: str
    rest: str
    slots: tuple[Slot, ...]

    def filled(self, *, token: str, day: str, texts: Mapping[str, str]) -> str:
        """The page of one visitor, with `texts` for the placeholders of the pass; everything is escaped."""
        rest = self.rest.replace(SLOTS["token"], escape(token)).replace(SLOTS["day"], escape(day))
        for slot in self.slots:
            rest = rest.replace(slot.stand_in, escape(slot.filled(texts)))
        return f"{self.head}{PAGE_ELEMENT}{rest}"


@lru_cache(maxsize=4096)
def shell(look: Look, *, device: Device, language: str, chosen: bool) -> Shell:
    """The shell of a look in `language`, which its buttons keep where it was chosen."""
    own = tuple(wallet for wallet in look.offered if device.own_wallet in (None, wallet))
    with translation.override(language):
        picture = pictures.draw(look.credential_type_id, look.version, known=look.known, language=language)
        context = {
            **SLOTS,
            "look": look,
            "picture": picture,
            "pause": _length(look.pause),
            "device": device,
            "chosen": chosen,
            "wallets_first": own,
            "wallets_folded": tuple(wallet for wallet in look.offered if wallet not in own),
            "watched": look.standing in WATCHED,
            "notice": look.notice.value,
            "scheme": _OURS.scheme,
            "host": _OURS.netloc,
        }
        page = render_to_string(f"redemption/{look.template}.html", context)
    head, rest = page.split(PAGE_ELEMENT)
    return Shell(head, rest, picture.slots)


def _length(pause: timedelta) -> str:
    """As the current language writes it, in minutes at the least."""
    moment = datetime(2000, 1, 1, tzinfo=UTC)
    return timesince(moment, moment + max(pause, timedelta(minutes=1)))

"""How many mails an account may ask for, and how many one person gets; the mails themselves are counted."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from credentials.errors import TooManyMails
from credentials.limits import Allowance, rate
from credentials.models import Account, Invitation, Person

# In seconds.
DAY = 86_400


def check_room(person: Person, *, account: Account, now: datetime) -> None:
    """Raises `TooManyMails` when one more mail to `person` would exceed the account's limit or the person's.

    They are those of `settings.RATE_LIMITS`, unless the account has its own. A window ends `now` and slides:
    nothing is forgotten when a counter or a cache is. Both rows must be held: others ask at once.
    """
    if not settings.RATE_LIMITS_ON:
        return
    asked = Invitation.objects.order_by("-requested_at")
    of_person, of_account = asked.filter(credential__person=person), asked.filter(account=account)
    _check(of_person, group="mails_to_person", of="one person", now=now)
    own = (account.mails_a_day, DAY) if account.mails_a_day else None
    _check(of_account, group="mails", own=own, of="the people of one account", now=now)


def _check(
    asked: QuerySet[Invitation], *, group: str, own: tuple[int, int] | None = None, of: str, now: datetime
) -> None:
    most, seconds = own or rate(group)
    window = timedelta(seconds=seconds)
    times = asked.filter(requested_at__gt=now - window).values_list("requested_at", flat=True)
    # With as many in the window as are allowed, there is room once the oldest of these has left it.
    oldest = next(iter(times[most - 1 : most]), None)
    if oldest is None:
        return
    free_at = oldest + window
    reset_after = max(1, math.ceil((free_at - now).total_seconds()))
    raise TooManyMails(
        f"At most {most} mails go to {of} in {_span(seconds)}; "
        f"the next may be asked for after {free_at:%Y-%m-%d %H:%M:%S} UTC.",
        allowance=Allowance(group, most, seconds, used=most, reset_after=reset_after, exceeded=True),
    )


def _span(seconds: int) -> str:
    hours = seconds / 3_600
    return f"{hours:g} hours" if hours != 1 else "an hour"

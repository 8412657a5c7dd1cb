"""The stream of changed passes that devices follow: numbered in the order in which changes were committed.

A change marks its passes inside its own transaction, without a number. Numbers are given later, to what
is committed, under one row lock per pass type. A number taken inside the changing transaction could be
committed after a higher one, and a device that asked in between would never hear of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Greatest

from redemption.models import AppleDevice, ApplePass, ApplePassType


@dataclass(frozen=True)
class Changes:
    """What a device is told: the serials that changed, and the tag to ask with next time."""

    serial_numbers: list[str]
    last_updated: str


def mark(passes: QuerySet[ApplePass], *, now: datetime) -> None:
    """Notes in the current transaction that the content of these passes has changed.

    `Last-Modified` moves on by a second at least: HTTP dates show no less, and an unchanged one means 304.
    """
    step = timedelta(seconds=1)
    passes.update(
        update_tag=None, modified_at=Greatest(F("modified_at") + step, Value(now.replace(microsecond=0)))
    )


def number_changes(pass_type: ApplePassType) -> None:
    """Gives every committed, unnumbered change of this pass type the next update tag."""
    if not ApplePass.objects.filter(pass_type=pass_type, update_tag=None).exists():
        return
    with transaction.atomic():
        row = ApplePassType.objects.select_for_update(no_key=True).get(pk=pass_type.pk)
        row.last_update_tag += 1
        row.save(update_fields=["last_update_tag"])
        # One number for all of them: a tag orders batches, it need not tell their members apart.
        ApplePass.objects.filter(pass_type=pass_type, update_tag=None).update(update_tag=row.last_update_tag)


def changes_for(device: AppleDevice, *, since: str) -> Changes | None:
    """The device's passes that changed after tag `since`; all of them for a tag that is not ours.

    A device that has no tag yet keeps the one it is told and fetches nothing, since it has just got its
    files. What changed after a file was made must come after that tag.
    """
    number_changes(device.pass_type)
    passes = ApplePass.objects.filter(registrations__device=device).select_related("wallet_pass")
    if (tag := _tag(since)) is not None:
        passes = passes.filter(update_tag__gt=tag)
    rows = list(passes.order_by("update_tag"))
    if not rows:
        return None
    tags = [row.update_tag or 0 for row in rows]
    unseen = [] if tag is not None else [row.update_tag or 0 for row in rows if row.has_changed]
    last = min(unseen) - 1 if unseen else max(tags)
    return Changes([row.wallet_pass.serial_number for row in rows], str(last))


def _tag(text: str) -> int | None:
    """The number in a tag that we gave; `None` for anything else, which the device means as "everything"."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        return None
    return int(text)

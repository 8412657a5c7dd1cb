"""What Google is owed: a change marks its object or class here, `patches` sends what is due."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from credentials import doorbell
from redemption.models import GoogleClass, GoogleIssuer, GooglePass

SEND = "redemption.tasks.send_google"


def owe(passes: QuerySet[GooglePass], *, now: datetime) -> None:
    """Notes in the current transaction that these objects have changed; they are due at once.

    The attempts begin anew: whatever failed before was about other content.
    """
    if passes.update(modified_at=now, patch_due_at=now, patch_attempts=0):
        doorbell.ring(SEND)


def owe_classes(classes: QuerySet[GoogleClass]) -> None:
    """Notes that the design of these classes has changed."""
    if classes.update(patch_due_at=timezone.now(), patch_attempts=0):
        doorbell.ring(SEND)


def hurry(issuer: GoogleIssuer, *, now: datetime) -> None:
    """Makes due at once whatever of this issuer's waits to be tried again."""
    later = {"patch_due_at__gt": now}
    GoogleClass.objects.filter(issuer=issuer, **later).update(patch_due_at=now, patch_attempts=0)
    GooglePass.objects.filter(google_class__issuer=issuer, **later).update(patch_due_at=now, patch_attempts=0)

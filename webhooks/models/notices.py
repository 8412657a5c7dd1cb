"""Mails about endpoints that are owed to the contact of their account."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from credentials.models import OwedMail
from webhooks.models.endpoints import Endpoint
from webhooks.outcomes import Outcome


class NoticeKind(models.TextChoices):
    """What the account is told."""

    FAILING = "failing", "It fails, and is still tried"
    GONE = "gone", "Disabled: it answered 410 Gone"
    GIVEN_UP = "given_up", "Disabled: it failed for five days"


class Notice(OwedMail):
    """One mail about an endpoint, with what there was to say when it was owed."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=10, choices=NoticeKind)
    failing_since = models.DateTimeField()
    last_outcome = models.CharField(max_length=20, choices=Outcome)
    last_response_status = models.PositiveSmallIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="notice_kind_known", condition=Q(kind__in=NoticeKind.values)),
            models.UniqueConstraint(
                fields=["endpoint", "kind", "failing_since"], name="notice_once_per_kind_and_failure"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="notice_due", condition=Q(sent_at=None, failed_at=None)),
        ]

    def __str__(self) -> str:
        return f"notice {self.pk}"

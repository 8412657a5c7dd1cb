"""Stretches of the past that are sent to an endpoint again, and how far each has come."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from credentials.models import Credential
from credentials.tokens import mint_public_id
from webhooks.models.endpoints import Endpoint


class ReplayStatus(models.TextChoices):
    """Where a replay stands."""

    RUNNING = "running", "Running"
    COMPLETED = "completed", "Completed"
    CANCELLED = "cancelled", "Cancelled"


class Replay(models.Model):
    """The events of a stretch of time, queued for one endpoint again in small batches."""

    public_id = models.CharField("id", max_length=24, unique=True, default=mint_public_id, editable=False)
    # No indexes of their own: the first begins one below, nobody looks for the replays of a credential.
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="replays", db_index=False)
    credential = models.ForeignKey(
        Credential, models.PROTECT, null=True, related_name="webhook_replays", db_index=False
    )
    actor = models.CharField(max_length=200)
    since = models.DateTimeField()
    until = models.DateTimeField(help_text="What happened at this moment is not part of it any more.")
    event_types = models.JSONField()
    only_failed = models.BooleanField()
    status = models.CharField(max_length=10, choices=ReplayStatus, default=ReplayStatus.RUNNING)
    # How many events it covers, once the first batch has counted them, and how many are dealt with.
    total = models.PositiveBigIntegerField(null=True)
    done = models.PositiveBigIntegerField(default=0)
    # Ids of events: the last one dealt with, and the last one of all. Until they are counted, the latter is
    # the newest that had been given out at the start: what comes up to that one must have committed first.
    cursor = models.BigIntegerField(default=0)
    last = models.BigIntegerField(default=0)
    # How many deliveries it may keep waiting, as its endpoint takes them, and when that was last looked at.
    pace = models.PositiveIntegerField(default=10, db_default=10)
    looked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="replay_status_known", condition=Q(status__in=ReplayStatus.values)),
            models.CheckConstraint(name="replay_until_after_since", condition=Q(until__gt=F("since"))),
            models.CheckConstraint(
                name="replay_finished_at_exactly_unless_running",
                condition=Q(status=ReplayStatus.RUNNING, finished_at=None)
                | (~Q(status=ReplayStatus.RUNNING) & Q(finished_at__isnull=False)),
            ),
            models.UniqueConstraint(
                fields=["endpoint"],
                name="replay_one_running_per_endpoint",
                condition=Q(status=ReplayStatus.RUNNING),
            ),
        ]
        indexes = [models.Index(fields=["endpoint", "id"], name="replay_endpoint_id")]

    def __str__(self) -> str:
        return f"replay {self.public_id}"

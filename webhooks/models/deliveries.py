"""Every event's way to an endpoint, attempt by attempt."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from credentials.models import Event
from credentials.tokens import mint_public_id
from webhooks.models.endpoints import Endpoint
from webhooks.outcomes import Outcome

# Characters of each answer: enough for an error message, little enough for millions of attempts.
KEPT_OF_RESPONSE = 2000


class DeliveryStatus(models.TextChoices):
    """Where a delivery stands, and who acts next."""

    PENDING = "pending", "Pending"  # the dispatcher, at next_attempt_at
    SUCCEEDED = "succeeded", "Succeeded"  # nobody
    FAILED = "failed", "Failed"  # the integrator, by a retry: every attempt is used up
    CANCELLED = "cancelled", "Cancelled"  # the integrator, by a retry: the endpoint was disabled or deleted


class Delivery(models.Model):
    """One event on its way to one endpoint."""

    # Unique by a constraint: `unique=True` would bring a second index, for LIKE, on the hottest table.
    public_id = models.CharField("id", max_length=24, default=mint_public_id, editable=False)
    # No index of their own: each is the first column of one below.
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries", db_index=False)
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="deliveries", db_index=False)
    status = models.CharField(max_length=10, choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    # When a dispatcher may take it up.
    next_attempt_at = models.DateTimeField()
    # The dispatcher that holds the lease; who no longer finds its own token here has lost it. What a killed
    # dispatcher held is free again when the lease ends. No index knows these two columns, so that PostgreSQL
    # writes a claim into no index either (heap-only tuples).
    claim_token = models.CharField(max_length=24, null=True)  # noqa: DJ001 - empty and absent must not be two things
    claimed_until = models.DateTimeField(null=True)
    # Set while it is on its way to an endpoint that takes one at a time.
    alone = models.BooleanField(default=False, db_default=False)
    # A test has no place in the order of the others.
    is_test = models.BooleanField(default=False, db_default=False, editable=False)
    # Failed attempts since the schedule began: it begins anew with a retry by hand.
    failures = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="delivery_status_known", condition=Q(status__in=DeliveryStatus.values)
            ),
            models.CheckConstraint(
                name="delivery_finished_at_exactly_unless_pending",
                condition=Q(status=DeliveryStatus.PENDING, finished_at=None)
                | (~Q(status=DeliveryStatus.PENDING) & Q(finished_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="delivery_claimed_only_while_pending",
                condition=Q(claim_token=None) | Q(status=DeliveryStatus.PENDING),
            ),
            models.CheckConstraint(
                name="delivery_alone_only_while_claimed",
                condition=Q(alone=False) | Q(claim_token__isnull=False),
            ),
            models.UniqueConstraint(fields=["public_id"], name="delivery_public_id"),
            models.UniqueConstraint(
                fields=["event", "endpoint"], name="delivery_once_per_event_and_endpoint"
            ),
            models.UniqueConstraint(
                fields=["endpoint"], name="delivery_alone_on_its_way", condition=Q(alone=True)
            ),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "next_attempt_at"],
                name="delivery_pending",
                condition=Q(status=DeliveryStatus.PENDING),
            ),
            models.Index(
                fields=["endpoint", "event"],
                name="delivery_pending_in_order",
                condition=Q(status=DeliveryStatus.PENDING),
            ),
            models.Index(
                fields=["endpoint", "next_attempt_at"],
                name="delivery_pending_test",
                condition=Q(status=DeliveryStatus.PENDING, is_test=True),
            ),
            # For the lists of what was delivered.
            models.Index(fields=["endpoint", "created_at", "id"], name="delivery_endpoint_created_at"),
            models.Index(
                fields=["endpoint", "created_at", "id"],
                name="delivery_failed_or_cancelled",
                condition=Q(status__in=[DeliveryStatus.FAILED, DeliveryStatus.CANCELLED]),
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.public_id}"


class Attempt(models.Model):
    """One POST of a delivery, and what came of it."""

    # No constraint in the database: it would look up and lock the delivery of each attempt, a seventh of what
    # bringing one back costs. An attempt is made of a delivery that is still there, and both go together.
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts", db_constraint=False)
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    outcome = models.CharField(max_length=20, choices=Outcome)
    response_status = models.PositiveSmallIntegerField(null=True)
    response_excerpt = models.CharField(max_length=KEPT_OF_RESPONSE, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="attempt_outcome_known", condition=Q(outcome__in=Outcome.values)),
        ]

    def __str__(self) -> str:
        return f"attempt {self.pk}"

"""Endpoints of integrators, the secrets they verify with, and every delivery with its attempts."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q

from credentials.event_types import PUBLIC_EVENT_TYPES
from credentials.models import Account, Event
from credentials.tokens import mint_public_id
from webhooks.outcomes import Outcome

# Characters of each answer: enough for an error message, little enough for millions of attempts.
KEPT_OF_RESPONSE = 2000


class DisabledReason(models.TextChoices):
    """Why nothing is sent to an endpoint."""

    BY_HAND = "by_hand", "Disabled by hand"
    GONE = "gone", "It answered 410 Gone"


class DeliveryStatus(models.TextChoices):
    """Where a delivery stands, and who acts next."""

    PENDING = "pending", "Pending"  # the dispatcher, at next_attempt_at
    SUCCEEDED = "succeeded", "Succeeded"  # nobody
    FAILED = "failed", "Failed"  # the integrator, by a retry: every attempt is used up
    CANCELLED = "cancelled", "Cancelled"  # the integrator, by a retry: the endpoint was disabled or deleted


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    """Look-ups that every caller needs alike."""

    def present(self) -> EndpointQuerySet:
        """Endpoints that have not been deleted."""
        return self.filter(deleted_at=None)

    def listening(self) -> EndpointQuerySet:
        """Endpoints that are sent to."""
        return self.filter(deleted_at=None, disabled_at=None)


class Endpoint(models.Model):
    """A URL of an integrator that hears of an account's events."""

    public_id = models.CharField("id", max_length=24, unique=True, default=mint_public_id, editable=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="webhook_endpoints")
    url = models.CharField("URL", max_length=2048)
    description = models.CharField(max_length=200, blank=True)
    event_types = models.JSONField(default=list, blank=True, help_text="Empty: every type.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    disabled_at = models.DateTimeField(null=True, editable=False)
    disabled_reason = models.CharField(max_length=20, choices=DisabledReason, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="endpoint_disabled_at_exactly_with_a_reason",
                condition=Q(disabled_at=None, disabled_reason="")
                | Q(disabled_at__isnull=False, disabled_reason__in=DisabledReason.values),
            ),
        ]
        indexes = [models.Index(fields=["account", "id"], name="endpoint_account_id")]

    def __str__(self) -> str:
        return f"endpoint {self.public_id}"

    @property
    def enabled(self) -> bool:
        """Whether anything is sent to it."""
        return self.disabled_at is None and self.deleted_at is None

    def hears(self, event_type: str) -> bool:
        """Whether it is subscribed to a type of event that webhooks carry."""
        return event_type in (self.event_types or PUBLIC_EVENT_TYPES)


class EndpointSecretQuerySet(models.QuerySet["EndpointSecret"]):
    """Look-ups that every caller needs alike."""

    def live(self, now: datetime) -> EndpointSecretQuerySet:
        """Secrets to sign with at `now`, the newest first."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now)).order_by("-pk")


class EndpointSecret(models.Model):
    """A signing secret, encrypted; after a rotation the former one lives on for a while."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="secrets")
    ciphertext = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)

    objects = EndpointSecretQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint"], name="endpoint_secret_one_current", condition=Q(expires_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"secret {self.pk}"


class Delivery(models.Model):
    """One event on its way to one endpoint."""

    public_id = models.CharField("id", max_length=24, unique=True, default=mint_public_id, editable=False)
    # No index of their own: each is the first column of one below.
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries", db_index=False)
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="deliveries", db_index=False)
    status = models.CharField(max_length=10, choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    # When a dispatcher may take it up. To claim it is to move this to the end of the lease, so that what a
    # killed dispatcher held is due again by itself.
    next_attempt_at = models.DateTimeField()
    # The dispatcher that holds the lease; who no longer finds its own token here has lost it.
    claim_token = models.CharField(max_length=24, null=True)  # noqa: DJ001 - empty and absent must not be two things
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
            models.UniqueConstraint(
                fields=["event", "endpoint"], name="delivery_once_per_event_and_endpoint"
            ),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "next_attempt_at"],
                name="delivery_pending",
                condition=Q(status=DeliveryStatus.PENDING),
            ),
            models.Index(
                fields=["endpoint", "next_attempt_at"],
                name="delivery_claimed",
                condition=Q(claim_token__isnull=False),
            ),
            models.Index(fields=["endpoint", "id"], name="delivery_endpoint_id"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.public_id}"


class Attempt(models.Model):
    """One POST of a delivery, and what came of it."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
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

"""Endpoints of integrators, and the secrets they verify with."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.db import models
from django.db.models import Q

from credentials.event_types import PUBLIC_EVENT_TYPES
from credentials.models import Account
from credentials.tokens import mint_public_id


class DisabledReason(models.TextChoices):
    """Why nothing is sent to an endpoint."""

    BY_HAND = "by_hand", "Disabled by hand"
    GONE = "gone", "It answered 410 Gone"
    FAILING = "failing", "It has failed for five days"


class SignatureScheme(models.TextChoices):
    """How messages are signed, by the names that Standard Webhooks gives the two."""

    V1 = "v1", "v1 – HMAC-SHA256 with a shared secret"
    V1A = "v1a", "v1a – Ed25519 with a public key"


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
    # One message at a time, in the order of the events.
    fifo = models.BooleanField("in order", default=False, db_default=False)
    signature_scheme = models.CharField(
        "signature",
        max_length=3,
        choices=SignatureScheme,
        default=SignatureScheme.V1,
        db_default=SignatureScheme.V1,
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    disabled_at = models.DateTimeField(null=True, editable=False)
    disabled_reason = models.CharField(max_length=20, choices=DisabledReason, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    # The first failure since its last success, and how many there have been.
    failing_since = models.DateTimeField(null=True, editable=False)
    consecutive_failures = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    # The `failing_since` that its account was told of: each failure is told once, and then its end as well.
    told_of = models.DateTimeField(null=True, editable=False)
    # Until then it is left alone; afterwards one delivery at a time tries whether it is back.
    paused_until = models.DateTimeField(null=True, editable=False)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="endpoint_disabled_at_exactly_with_a_reason",
                condition=Q(disabled_at=None, disabled_reason="")
                | Q(disabled_at__isnull=False, disabled_reason__in=DisabledReason.values),
            ),
            models.CheckConstraint(
                name="endpoint_signature_scheme_known",
                condition=Q(signature_scheme__in=SignatureScheme.values),
            ),
            models.CheckConstraint(
                name="endpoint_paused_only_while_failing",
                condition=Q(failing_since=None, consecutive_failures=0, paused_until=None)
                | Q(failing_since__isnull=False, consecutive_failures__gt=0),
            ),
        ]
        indexes = [models.Index(fields=["account", "id"], name="endpoint_account_id")]

    def __str__(self) -> str:
        return f"endpoint {self.public_id}"

    @property
    def enabled(self) -> bool:
        """Whether anything is sent to it."""
        return self.disabled_at is None and self.deleted_at is None

    @property
    def public_key(self) -> str | None:
        """What receivers verify with, of the current key; None for a scheme with a shared secret."""
        return next((secret.public_key or None for secret in self.secrets.all() if secret.current), None)

    @property
    def host(self) -> str:
        """Where it leads, without the path and query, which may hold a token."""
        return urlsplit(self.url).netloc

    def paused(self, now: datetime) -> bool:
        """Whether it is left alone at `now`, so that its deliveries wait."""
        return self.paused_until is not None and self.paused_until > now

    @property
    def told(self) -> bool:
        """Whether its account has been told that it fails."""
        return self.failing_since is not None and self.told_of == self.failing_since

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
    # What receivers verify `v1a` with, in its `whpk_` form; empty for `v1`, whose secret both sides know.
    public_key = models.CharField(max_length=60, blank=True, default="", db_default="")
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

    @property
    def current(self) -> bool:
        """Whether it is the one that receivers are to verify with from now on."""
        return self.expires_at is None

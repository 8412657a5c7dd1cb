"""Accounts and the keys that integrators call with."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from credentials.scopes import Scope


def languages() -> list[tuple[str, str]]:
    """The choices of a language column: those that the pages are written in."""
    return list(settings.LANGUAGES)


class Reopening(models.TextChoices):
    """When a redemption URL works again after its pass was removed from a wallet."""

    AT_ONCE = "at_once", "at once"
    AFTER_PAUSE = "after_pause", "after a pause"
    FRESH_URL = "fresh_url", "never: only with a fresh URL"
    APPROVAL = "approval", "when an admin has approved it"


class Account(models.Model):
    """A tenant: nobody sees anything of another's."""

    slug = models.SlugField(unique=True)
    name = models.CharField(
        max_length=100, help_text="What passholders read: the organisation behind the pass."
    )
    contact_email = models.EmailField(
        blank=True, help_text="Where warnings go: expiring certificates and the like."
    )
    url_lifetime = models.DurationField(
        null=True, blank=True, help_text="How long a redemption URL works. Empty: until it is replaced."
    )
    reopening = models.CharField(
        "the URL works again after removal",
        max_length=12,
        choices=Reopening,
        default=Reopening.AT_ONCE,
        db_default=Reopening.AT_ONCE,
    )
    reopening_pause = models.DurationField(
        "length of that pause", default=timedelta(days=1), db_default=timedelta(days=1)
    )
    language = models.CharField(
        max_length=7,
        choices=languages,
        default="en",
        db_default="en",
        help_text="Of mails to people whose own language is not known, and of pages when no other fits.",
    )
    mails_a_day = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="How many mails to passholders may be asked for in 24 hours. "
        "Empty: as many as this installation allows each account.",
    )
    # Thresholds that differ from those of credentials/suspicion.py, by rule: [uses, seconds].
    suspicion_thresholds = models.JSONField(default=dict, db_default={}, blank=True)
    suspend_on_suspicion = models.BooleanField(
        "suspend a credential whose use looks suspicious", default=False, db_default=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                name="account_reopening_known", condition=Q(reopening__in=Reopening.values)
            ),
            models.CheckConstraint(
                name="account_mails_a_day_at_least_one",
                condition=Q(mails_a_day=None) | Q(mails_a_day__gte=1),
            ),
        ]

    def __str__(self) -> str:
        return self.name


def known_scopes() -> list[str]:
    """The default scopes of a new key: everything."""
    return [Scope.PERSON, Scope.CREDENTIAL_TYPE_READONLY, Scope.WEBHOOK, Scope.EVENT_READONLY]


class ApiKey(models.Model):
    """A key of an account; only its digest is kept."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100, blank=True)
    digest = models.BinaryField(max_length=32, unique=True)
    # Enough to tell keys apart in a list, far too little to guess one.
    hint = models.CharField(max_length=16)
    scopes = models.JSONField(default=known_scopes)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["account", "created_at"]
        verbose_name = "API key"
        verbose_name_plural = "API keys"

    def __str__(self) -> str:
        return f"{self.name or 'key'} ({self.hint}…)"

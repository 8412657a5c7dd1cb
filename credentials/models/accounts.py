"""Accounts and the keys that integrators call with."""

from __future__ import annotations

from django.db import models

from credentials.scopes import Scope


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
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]

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

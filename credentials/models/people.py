"""The people whom an account gives passes to."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from credentials.models.accounts import Account, languages


class PersonQuerySet(models.QuerySet["Person"]):
    """Look-ups that every caller needs alike."""

    def present(self) -> PersonQuerySet:
        """People who have not been deleted."""
        return self.filter(deleted_at=None)


class Person(models.Model):
    """Somebody who holds passes. A deleted person stays as a row without personal data.

    `id` and the integrator's own `system_id` remain, so that late events can still be matched.
    """

    account = models.ForeignKey(Account, models.CASCADE, related_name="people")
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    email = models.EmailField(blank=True)
    system_id = models.CharField(max_length=100, blank=True)
    language = models.CharField(max_length=7, choices=languages, blank=True, default="", db_default="")
    enabled = models.BooleanField(default=True)
    valid_from = models.DateTimeField(null=True, blank=True, db_index=True)
    valid_to = models.DateTimeField(null=True, blank=True, db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "people"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                "account",
                Lower("email"),
                name="person_email_unique_in_account",
                condition=~Q(email="") & Q(deleted_at=None),
            ),
            models.UniqueConstraint(
                fields=["account", "system_id"],
                name="person_system_id_unique_in_account",
                condition=~Q(system_id="") & Q(deleted_at=None),
            ),
            models.CheckConstraint(
                name="person_valid_from_before_valid_to",
                condition=Q(valid_from=None) | Q(valid_to=None) | Q(valid_from__lt=F("valid_to")),
            ),
        ]
        indexes = [models.Index(fields=["account", "id"], name="person_account_id")]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or f"person {self.pk}"

    def may_use_passes(self, now: datetime) -> bool:
        """Whether the issuer lets this person's passes work at `now`."""
        started = self.valid_from is None or self.valid_from <= now
        ended = self.valid_to is not None and self.valid_to <= now
        return self.enabled and started and not ended

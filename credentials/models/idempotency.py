"""Answers that are given again when a client repeats a request."""

from __future__ import annotations

from django.db import models

from credentials.models.accounts import Account


class IdempotentRequest(models.Model):
    """One `Idempotency-Key` of one account: what was asked, and what was answered."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="idempotent_requests")
    key = models.CharField(max_length=255)
    # SHA-256 over method, path and body: the same key may not be used for something else.
    fingerprint = models.BinaryField(max_length=32)
    response_status = models.PositiveSmallIntegerField(null=True)
    response_body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="idempotency_key_once_per_account")
        ]

    def __str__(self) -> str:
        return self.key

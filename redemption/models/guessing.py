"""Who was stopped for guessing."""

from __future__ import annotations

from django.db import models


class GuessingAddress(models.Model):
    """An address that tried so many secrets that it was no longer answered; kept for a while."""

    # Of IPv6 the /64, which is what one customer has.
    address = models.CharField(max_length=50, unique=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(db_index=True)
    # In how many minutes.
    times = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-last_seen_at"]
        verbose_name_plural = "guessing addresses"

    def __str__(self) -> str:
        return self.address

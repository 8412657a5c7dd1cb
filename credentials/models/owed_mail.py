"""What every mail that is owed knows of its sending."""

from __future__ import annotations

from django.db import models


class OwedMail(models.Model):
    """A promise to mail; `credentials/owed_mail.py` keeps it. Nouns of their own say what is in the mail."""

    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        abstract = True

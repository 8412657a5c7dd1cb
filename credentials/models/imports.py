"""People who come in bulk."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from credentials.models.accounts import Account
from credentials.tokens import mint_public_id


class PeopleImport(models.Model):
    """A CSV file of people on its way into an account; it makes people only, never a URL."""

    class Status(models.TextChoices):
        """Who acts next."""

        CHECKED = "checked", "Checked"  # an admin: it was a dry run, and can be started
        RUNNING = "running", "Running"  # the importer
        DONE = "done", "Done"  # nobody
        CANCELLED = "cancelled", "Cancelled"  # nobody

    public_id = models.CharField("id", max_length=24, unique=True, default=mint_public_id, editable=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="people_imports")
    actor = models.CharField(max_length=200)
    file_name = models.CharField(max_length=200, blank=True)
    # Emptied when it is done: it is full of people.
    content = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.CHECKED)
    # Data rows in all, and how many of them have been worked through.
    rows = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    # The first refusals, for its page: [{"row": 17, "field": "email", "message": "…"}].
    refusals = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # The lease of the importer that is at it.
    due_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "import of people"
        verbose_name_plural = "imports of people"
        constraints = [
            models.CheckConstraint(
                name="people_import_due_exactly_while_running",
                condition=Q(status="running", due_at__isnull=False) | (~Q(status="running") & Q(due_at=None)),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="people_import_due", condition=Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"import {self.public_id}"


class RefusedRow(models.Model):
    """A row that an import refuses, and why; a row with two faults is here twice."""

    people_import = models.ForeignKey(PeopleImport, models.CASCADE, related_name="refused_rows")
    row = models.PositiveIntegerField()
    # The column at fault; empty for the row as a whole.
    field = models.CharField(max_length=100, blank=True)
    message = models.TextField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"row {self.row} of {self.people_import}"

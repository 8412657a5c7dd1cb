"""What happened: the audit trail and, at once, the messages that webhooks carry."""

from __future__ import annotations

from django.db import models

from credentials.event_types import EventType
from credentials.models.accounts import Account
from credentials.models.credentials import Credential
from credentials.models.people import Person
from credentials.tokens import mint_public_id


def _event_id() -> str:
    return mint_public_id(22)


def event_types() -> list[tuple[str, str]]:
    """The choices of the column, by name: a new type of event then needs no migration."""
    return EventType.choices


class Event(models.Model):
    """One fact, written in the transaction that made it true, never changed afterwards."""

    # Unique by a constraint: `unique=True` would bring a second index, for LIKE.
    public_id = models.CharField("id", max_length=24, default=_event_id, editable=False)
    # Neither this nor the credential has an index of its own: each is the first column of one below.
    account = models.ForeignKey(Account, models.CASCADE, related_name="events", db_index=False)
    type = models.CharField(max_length=50, choices=event_types)
    # The rows an event is about outlive it: people are emptied, credentials are revoked, neither is deleted.
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="events")
    credential = models.ForeignKey(
        Credential, models.PROTECT, null=True, related_name="events", db_index=False
    )
    sequence = models.PositiveIntegerField(null=True)
    actor = models.CharField(max_length=200)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["public_id"], name="event_public_id"),
            models.UniqueConstraint(
                fields=["credential", "sequence"], name="event_sequence_once_per_credential"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "id"], name="event_account_id"),
            # To follow one rare type, and to replay a stretch of time, without reading all the rest.
            models.Index(fields=["account", "type", "id"], name="event_account_type_id"),
            models.Index(fields=["account", "created_at"], name="event_account_created_at"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.public_id}"

"""Mails that are owed: the row is the promise, the link is minted when the mail is sent."""

from __future__ import annotations

from django.db import models
from django.db.models import Exists, OuterRef, Q

from credentials.models.accounts import Account
from credentials.models.credentials import Credential, RedemptionUrl
from credentials.models.owed_mail import OwedMail


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Look-ups that every caller needs alike."""

    def failed_last(self) -> InvitationQuerySet:
        """Those that were given up, with none asked for since."""
        later = Invitation.objects.filter(credential=OuterRef("credential"), pk__gt=OuterRef("pk"))
        return self.filter(~Exists(later), failed_at__isnull=False)


class Invitation(OwedMail):
    """One mail with a redemption URL, asked for and not necessarily sent yet."""

    credential = models.ForeignKey(Credential, models.CASCADE, related_name="invitations")
    # To count an account's mails by; mails of before they were limited have none.
    account = models.ForeignKey(Account, models.CASCADE, null=True, related_name="+", db_index=False)
    actor = models.CharField(max_length=200)
    requested_at = models.DateTimeField(auto_now_add=True)
    # The newest one when the mail was asked for, then the one that was minted for it last: a further attempt
    # must not end a URL that came from elsewhere. Nothing of the kind is known of older mails.
    known_url = models.ForeignKey(RedemptionUrl, models.SET_NULL, null=True, related_name="+", db_index=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["credential"], name="invitation_failed", condition=Q(failed_at__isnull=False)
            ),
            models.Index(fields=["due_at"], name="invitation_due", condition=Q(sent_at=None, failed_at=None)),
            models.Index(fields=["account", "requested_at"], name="invitation_account_asked"),
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk}"

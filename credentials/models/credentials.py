"""A credential, the URLs that redeem it and the passes it became."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from credentials.models.accounts import Account
from credentials.models.designs import CredentialType
from credentials.models.people import Person
from credentials.states import FINAL, LIVE, Evidence, PassState, State, Wallet
from credentials.tokens import mint_public_id


class CredentialQuerySet(models.QuerySet["Credential"]):
    """Look-ups that every caller needs alike."""

    def with_installed_pass(self) -> CredentialQuerySet:
        """Each with all that its representation needs: two queries for any number of rows."""
        installed = WalletPass.objects.filter(state=PassState.INSTALLED).select_related("value_key")
        return self.select_related("person", "credential_type", "account").prefetch_related(
            models.Prefetch("wallet_passes", installed, to_attr="installed_passes")
        )


class Credential(models.Model):
    """What a person holds: issued once, redeemed into one wallet at a time, revoked once."""

    public_id = models.CharField("id", max_length=24, unique=True, default=mint_public_id, editable=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="credentials")
    person = models.ForeignKey(Person, models.PROTECT, related_name="credentials")
    credential_type = models.ForeignKey(CredentialType, models.PROTECT, related_name="credentials")
    # Written by credentials/lifecycle.py alone.
    state = models.CharField(max_length=20, choices=State, default=State.INVITED, editable=False)
    # The number of the latest event; a receiver orders and counts by it.
    sequence = models.PositiveIntegerField(default=0, editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    invited_at = models.DateTimeField(editable=False)
    added_to_wallet_at = models.DateTimeField(null=True, editable=False)
    removed_from_wallet_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    suspended_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    url_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    # What the account's policy of re-opening has put in the way of the URL since the pass was removed.
    reopens_at = models.DateTimeField(null=True, editable=False)
    awaits_approval = models.BooleanField(default=False, db_default=False, editable=False)

    objects = CredentialQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="credential_state_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(
                name="credential_revoked_at_exactly_when_revoked",
                condition=Q(state=State.REVOKED, revoked_at__isnull=False)
                | (~Q(state=State.REVOKED) & Q(revoked_at=None)),
            ),
            models.CheckConstraint(
                name="credential_added_at_once_added",
                condition=Q(state=State.INVITED, added_to_wallet_at=None)
                | Q(state__in=FINAL)
                | Q(added_to_wallet_at__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["person", "credential_type"],
                name="credential_one_live_per_person_and_type",
                condition=Q(state__in=LIVE),
            ),
        ]
        indexes = [
            models.Index(fields=["account", "id"], name="credential_account_id"),
            models.Index(fields=["account", "state", "id"], name="credential_account_state_id"),
            models.Index(
                fields=["expires_at"],
                name="credential_to_expire",
                condition=Q(state__in=LIVE, expires_at__isnull=False),
            ),
            models.Index(fields=["id"], name="credential_to_approve", condition=Q(awaits_approval=True)),
        ]

    def __str__(self) -> str:
        return f"credential {self.public_id}"

    def has_expired(self, now: datetime) -> bool:
        """Whether its end has come, recorded by the sweep or not: dates bind at once."""
        return self.state == State.EXPIRED or (self.expires_at is not None and self.expires_at <= now)

    def is_suspended(self, now: datetime) -> bool:
        """Whether it is held back by the issuer, through itself or through its person."""
        return self.suspended_at is not None or not self.person.may_use_passes(now)

    def is_closed(self, now: datetime) -> bool:
        """Whether its URL waits, after a removal, for a pause to end or for an admin's approval."""
        return self.awaits_approval or (self.reopens_at is not None and now < self.reopens_at)

    @cached_property
    def installed_pass(self) -> WalletPass | None:
        """The pass that is in a wallet now; from `with_installed_pass` or else one query."""
        fetched: list[WalletPass] | None = getattr(self, "installed_passes", None)
        if fetched is not None:
            return fetched[0] if fetched else None
        return self.wallet_passes.filter(state=PassState.INSTALLED).select_related("value_key").first()


class RedemptionUrl(models.Model):
    """A redemption URL that was handed out; only the digest of its secret is kept."""

    credential = models.ForeignKey(Credential, models.CASCADE, related_name="urls")
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["credential"], name="redemption_url_one_current", condition=Q(replaced_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"redemption URL {self.pk}"


class ValueKey(models.Model):
    """A version of the key from which an account's pass values are derived."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="value_keys")
    version = models.PositiveSmallIntegerField()
    secret = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["account", "version"]
        constraints = [models.UniqueConstraint(fields=["account", "version"], name="value_key_version_once")]

    def __str__(self) -> str:
        return f"value key {self.version}"


class WalletPassQuerySet(models.QuerySet["WalletPass"]):
    """Look-ups that every caller needs alike."""

    def held(self) -> WalletPassQuerySet:
        """Each with its credential locked for the rest of the transaction, and all that a verb reads.

        The credential's row is the one lock of everything that happens to it and to its passes, so
        that reports, orders and claims can never wait for each other in a circle. PostgreSQL locks in
        the order named here, and shows a row as it became while we waited only when it locks that row.
        """
        return self.select_related(
            "credential__person", "credential__credential_type", "credential__account", "value_key"
        ).select_for_update(of=("credential", "self"), no_key=True)


class WalletPass(models.Model):
    """One delivery of a credential into one wallet, with its own serial and its own value."""

    credential = models.ForeignKey(Credential, models.CASCADE, related_name="wallet_passes")
    wallet = models.CharField(max_length=10, choices=Wallet)
    serial_number = models.CharField(max_length=64, unique=True)
    value_key = models.ForeignKey(ValueKey, models.PROTECT)
    # Written by credentials/lifecycle.py alone.
    state = models.CharField(max_length=10, choices=PassState, default=PassState.OFFERED, editable=False)
    # How many devices the wallet keeps it on, as far as reports tell.
    devices = models.PositiveIntegerField(default=0, editable=False)
    offered_at = models.DateTimeField()
    installed_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)
    # Its evidence: when, and by what, it was last confirmed to be in a wallet.
    confirmed_at = models.DateTimeField(null=True, editable=False)
    confirmed_by = models.CharField(
        max_length=12, choices=Evidence, blank=True, default="", db_default="", editable=False
    )

    objects = WalletPassQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "wallet passes"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="wallet_pass_state_known", condition=Q(state__in=PassState.values)),
            models.CheckConstraint(name="wallet_pass_wallet_known", condition=Q(wallet__in=Wallet.values)),
            models.CheckConstraint(
                name="wallet_pass_confirmed_at_exactly_by_something",
                condition=Q(confirmed_at=None, confirmed_by="")
                | Q(confirmed_at__isnull=False, confirmed_by__in=Evidence.values),
            ),
            models.UniqueConstraint(
                fields=["credential"],
                name="wallet_pass_one_installed",
                condition=Q(state=PassState.INSTALLED),
            ),
        ]
        indexes = [
            models.Index(
                fields=["credential", "offered_at"],
                name="wallet_pass_open_offers",
                condition=Q(state=PassState.OFFERED),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_wallet_display()} pass {self.serial_number}"

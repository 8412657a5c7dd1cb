"""What Apple's protocols need to remember."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from credentials.models import Account, WalletPass


class ApplePassType(models.Model):
    """A pass type identifier of an account: the name that certificates, passes and pushes share."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="apple_pass_types")
    pass_type_identifier = models.CharField(max_length=200, unique=True)
    team_identifier = models.CharField(max_length=10)
    # The last number handed out as an update tag; taken under this row's lock.
    last_update_tag = models.BigIntegerField(default=0, editable=False)
    # Set when Apple refuses our certificate for pushes; cleared by the next certificate.
    push_refused_at = models.DateTimeField(null=True, editable=False)
    push_refusal = models.CharField(max_length=100, blank=True, editable=False)

    class Meta:
        verbose_name = "Apple pass type"
        ordering = ["pass_type_identifier"]

    def __str__(self) -> str:
        return self.pass_type_identifier


class AppleIdentity(models.Model):
    """A certificate with its key: it signs passes and opens the way for pushes. The newest one is used."""

    pass_type = models.ForeignKey(ApplePassType, models.CASCADE, related_name="identities")
    certificate = models.TextField()
    # Encrypted PKCS#8; see credentials/encryption.py.
    private_key = models.BinaryField()
    wwdr = models.TextField("WWDR intermediate")
    fingerprint = models.CharField(max_length=64, unique=True)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    nfc = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expiry_warned_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "Apple identity"
        verbose_name_plural = "Apple identities"
        ordering = ["pass_type", "-id"]

    def __str__(self) -> str:
        return f"{self.pass_type} until {self.not_after:%Y-%m-%d}"


class ApplePass(models.Model):
    """The Apple side of a wallet pass: where its content stands in the stream of updates."""

    wallet_pass = models.OneToOneField(WalletPass, models.CASCADE, primary_key=True, related_name="apple")
    pass_type = models.ForeignKey(ApplePassType, models.PROTECT, related_name="passes")
    # Empty from the change of the content until the change is committed and gets its number.
    update_tag = models.BigIntegerField(null=True)
    # When the content last changed, in whole seconds, as `Last-Modified` says it.
    modified_at = models.DateTimeField()

    class Meta:
        verbose_name = "Apple pass"
        verbose_name_plural = "Apple passes"
        indexes = [
            models.Index(fields=["pass_type", "update_tag"], name="apple_pass_update_tag"),
            models.Index(fields=["pass_type"], name="apple_pass_untagged", condition=Q(update_tag=None)),
        ]

    def __str__(self) -> str:
        return f"Apple pass {self.pk}"

    @property
    def has_changed(self) -> bool:
        """Whether it looks different since it was offered, when its file was made."""
        return self.modified_at > self.wallet_pass.offered_at

    @property
    def is_outdated(self) -> bool:
        """Whether it changed while no device was told: before it was added, or after it was removed."""
        removed_at = self.wallet_pass.removed_at
        told_until = removed_at.replace(microsecond=0) if removed_at else self.wallet_pass.offered_at
        return self.has_changed and self.modified_at >= told_until


class AppleAuthenticationToken(models.Model):
    """A live `authenticationToken` of a pass, as a digest. Several live while devices move on."""

    apple_pass = models.ForeignKey(ApplePass, models.CASCADE, related_name="authentication_tokens")
    generation = models.PositiveIntegerField()
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "Apple authentication token"
        ordering = ["apple_pass", "generation"]
        constraints = [
            models.UniqueConstraint(fields=["apple_pass", "generation"], name="apple_token_generation_once")
        ]

    def __str__(self) -> str:
        return f"authentication token {self.generation}"


class AppleDevice(models.Model):
    """A device library identifier: one device's name towards one pass type, with the token to push it by."""

    pass_type = models.ForeignKey(ApplePassType, models.CASCADE, related_name="devices")
    device_library_identifier = models.CharField(max_length=100)
    push_token = models.CharField(max_length=200)
    # The last registration that carried this push token; APNs' 410 ends only what is older.
    push_token_at = models.DateTimeField()
    # Work for the pusher: when this device is to be told next, and how often that failed.
    push_due_at = models.DateTimeField(null=True)
    pushed_at = models.DateTimeField(null=True)
    push_attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = "Apple device"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["pass_type", "device_library_identifier"], name="apple_device_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["push_due_at"], name="apple_device_push_due", condition=Q(push_due_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"Apple device {self.pk}"


class AppleRegistration(models.Model):
    """A device asked to hear of a pass's updates: it has the pass."""

    device = models.ForeignKey(AppleDevice, models.CASCADE, related_name="registrations")
    apple_pass = models.ForeignKey(ApplePass, models.CASCADE, related_name="registrations")
    # The newest authentication token that this device was seen using.
    generation = models.PositiveIntegerField()
    registered_at = models.DateTimeField()

    class Meta:
        verbose_name = "Apple registration"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["device", "apple_pass"], name="apple_registration_once")
        ]

    def __str__(self) -> str:
        return f"registration {self.pk}"


class AppleLog(models.Model):
    """A line that a device reported over the log endpoint: unauthenticated, capped, kept for a while."""

    message = models.CharField(max_length=500)
    received_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "Apple device log line"

    def __str__(self) -> str:
        return self.message

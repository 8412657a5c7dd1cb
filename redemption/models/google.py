"""What Google's protocols need to remember."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from credentials.models import Account, CredentialType, WalletPass
from credentials.tokens import mint_public_id

# Characters of what Google answered: enough for its sentence.
KEPT_OF_ERROR = 300


class GoogleIssuer(models.Model):
    """An account's issuer at Google Wallet, with the service account that acts for it."""

    account = models.OneToOneField(Account, models.CASCADE, related_name="google_issuer")
    issuer_id = models.CharField(max_length=30, unique=True)
    service_account_email = models.CharField(max_length=254, default="", db_default="", editable=False)
    project_id = models.CharField(max_length=100, default="", db_default="", editable=False)
    private_key_id = models.CharField(max_length=100, default="", db_default="", editable=False)
    token_uri = models.CharField(max_length=200, default="", db_default="", editable=False)
    # Encrypted PKCS#8; see credentials/encryption.py. Without one nothing is offered.
    private_key = models.BinaryField(null=True)
    imported_at = models.DateTimeField(null=True, editable=False)
    # Whose Smart Tap readers get the value; empty: no Smart Tap.
    redemption_issuers = models.JSONField(default=list, db_default=[], blank=True)
    # When the next request to Google may be sent: all processes take their turn here.
    next_request_at = models.DateTimeField(null=True, editable=False)
    # Set while Google refuses the service account; cleared by the next key or the next success.
    refused_at = models.DateTimeField(null=True, editable=False)
    refusal = models.CharField(
        max_length=KEPT_OF_ERROR, blank=True, default="", db_default="", editable=False
    )

    class Meta:
        verbose_name = "Google issuer"
        ordering = ["account"]

    def __str__(self) -> str:
        return self.issuer_id


class GoogleClass(models.Model):
    """The GenericClass of a credential type: what all its cards share, kept in step by a task."""

    issuer = models.ForeignKey(GoogleIssuer, models.PROTECT, related_name="classes")
    credential_type = models.ForeignKey(CredentialType, models.CASCADE, related_name="google_classes")
    # Unguessable, since the address of the class's images holds it.
    suffix = models.CharField(max_length=24, unique=True, default=mint_public_id, editable=False)
    # The version of the design that Google has; none before the class was inserted.
    sent_version = models.PositiveIntegerField(null=True, editable=False)
    # Work for the sender: when this class is to be sent next, and how often that failed.
    patch_due_at = models.DateTimeField(null=True, editable=False)
    # Until then one sender has it to itself: of two requests on their way, the older could arrive last.
    sending_until = models.DateTimeField(null=True, editable=False)
    patch_attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    patched_at = models.DateTimeField(null=True, editable=False)
    patch_error = models.CharField(max_length=KEPT_OF_ERROR, blank=True, editable=False)

    class Meta:
        verbose_name = "Google class"
        verbose_name_plural = "Google classes"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["issuer", "credential_type"], name="google_class_once"),
        ]
        indexes = [
            models.Index(
                fields=["patch_due_at"],
                name="google_class_patch_due",
                condition=Q(patch_due_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.class_id

    @property
    def class_id(self) -> str:
        """Google's name for it."""
        return f"{self.issuer.issuer_id}.{self.suffix}"


class GooglePass(models.Model):
    """The Google side of a wallet pass: one GenericObject, what it is owed and what is known of it."""

    wallet_pass = models.OneToOneField(WalletPass, models.CASCADE, primary_key=True, related_name="google")
    google_class = models.ForeignKey(GoogleClass, models.PROTECT, related_name="passes")
    # When the content last changed.
    modified_at = models.DateTimeField()
    # Work for the sender: when the object is to be patched next, and how often that failed.
    patch_due_at = models.DateTimeField(null=True)
    # As for a class.
    sending_until = models.DateTimeField(null=True)
    patch_attempts = models.PositiveSmallIntegerField(default=0)
    patched_at = models.DateTimeField(null=True)
    patch_error = models.CharField(max_length=KEPT_OF_ERROR, blank=True)
    # Messages of Google's that were settled; equal numbers say that nobody has it.
    saves = models.PositiveIntegerField(default=0)
    removals = models.PositiveIntegerField(default=0)
    # What Google said when asked, when it is asked again, and how often since it was sure.
    has_users = models.BooleanField(null=True)
    checked_at = models.DateTimeField(null=True)
    check_due_at = models.DateTimeField(null=True)
    checks = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = "Google pass"
        verbose_name_plural = "Google passes"
        indexes = [
            models.Index(
                fields=["patch_due_at"], name="google_pass_patch_due", condition=Q(patch_due_at__isnull=False)
            ),
            models.Index(
                fields=["check_due_at"], name="google_pass_check_due", condition=Q(check_due_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"Google pass {self.pk}"

    @property
    def object_id(self) -> str:
        """Google's name for it."""
        return f"{self.google_class.issuer.issuer_id}.{self.wallet_pass.serial_number}"


class GoogleMessage(models.Model):
    """A verified message of Google's, kept once by its nonce, and what became of it."""

    class Status(models.TextChoices):
        """Who acts next."""

        PENDING = "pending", "Pending"  # the settler, at due_at
        SETTLED = "settled", "Settled"  # nobody
        IGNORED = "ignored", "Ignored"  # nobody: it is of a kind that means nothing to us
        QUARANTINED = "quarantined", "Quarantined"  # an admin: it names an object that we never made

    issuer = models.ForeignKey(GoogleIssuer, models.CASCADE, related_name="messages")
    nonce = models.CharField(max_length=100)
    event_type = models.CharField(max_length=50)
    class_id = models.CharField(max_length=200, blank=True)
    object_id = models.CharField(max_length=200, blank=True)
    # `expTimeMillis`: a message that arrives later is refused.
    expires_at = models.DateTimeField()
    # The signed JSON as it came.
    body = models.TextField()
    received_at = models.DateTimeField(auto_now_add=True)
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    due_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    settled_at = models.DateTimeField(null=True)
    google_pass = models.ForeignKey(GooglePass, models.SET_NULL, null=True, related_name="messages")
    # What an admin should know about it.
    remark = models.CharField(max_length=KEPT_OF_ERROR, blank=True)

    class Meta:
        verbose_name = "Google message"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["issuer", "nonce"], name="google_message_nonce_once"),
            models.CheckConstraint(
                name="google_message_due_exactly_while_pending",
                condition=Q(status="pending", due_at__isnull=False) | (~Q(status="pending") & Q(due_at=None)),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="google_message_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["received_at"], name="google_message_received"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.nonce}"


class GoogleRootKeys(models.Model):
    """The root keys as Google published them, for all processes; public, and worth nothing to a forger."""

    url = models.CharField(max_length=200, unique=True)
    document = models.JSONField(default=dict)
    # Whoever asks for them takes their turn by this.
    asked_at = models.DateTimeField(null=True)
    fetched_at = models.DateTimeField(null=True)
    fresh_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "Google root keys"
        verbose_name_plural = "Google root keys"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.url

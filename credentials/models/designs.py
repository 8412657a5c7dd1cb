"""What a pass looks like and carries: one design serves both wallets."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

from credentials.models.accounts import Account

hex_colour = RegexValidator(r"^#[0-9a-fA-F]{6}\Z", "Write the colour as #rrggbb.")


class Style(models.TextChoices):
    """Apple's pass styles; Google shows them all as a generic card."""

    GENERIC = "generic"
    EVENT_TICKET = "eventTicket", "event ticket"
    STORE_CARD = "storeCard", "store card"
    COUPON = "coupon"
    BOARDING_PASS = "boardingPass", "boarding pass"


class BarcodeFormat(models.TextChoices):
    """How the value is shown for a scanner."""

    NONE = "none"
    QR = "qr", "QR"
    PDF417 = "pdf417", "PDF417"
    AZTEC = "aztec"
    CODE128 = "code128", "Code 128"


class ViewUnlock(models.TextChoices):
    """Whether the phone must be unlocked to show the card; Google's own names."""

    NOT_REQUIRED = "UNLOCK_NOT_REQUIRED", "not required"
    REQUIRED_TO_VIEW = "UNLOCK_REQUIRED_TO_VIEW", "required to view"


class CredentialType(models.Model):
    """A kind of credential that an account issues, with the design of its passes."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="credential_types")
    label = models.CharField(max_length=100)
    slug = models.SlugField(max_length=100)
    code = models.IntegerField(null=True, blank=True)

    apple_enabled = models.BooleanField("offered for Apple Wallet", default=True)
    google_enabled = models.BooleanField("offered for Google Wallet", default=True)
    apple_pass_type_identifier = models.CharField(
        max_length=200, blank=True, help_text="Empty: the account's only pass type identifier."
    )

    style = models.CharField(max_length=20, choices=Style, default=Style.GENERIC)
    transit_type = models.CharField(
        max_length=10, blank=True, help_text="Boarding passes only: air, boat, bus, generic or train."
    )
    organization_name = models.CharField(max_length=100, blank=True, help_text="Empty: the account's name.")
    description = models.CharField(
        max_length=200, blank=True, help_text="Read aloud by VoiceOver. Empty: the label."
    )
    logo_text = models.CharField(max_length=60, blank=True)
    background_color = models.CharField(max_length=7, default="#1f2937", validators=[hex_colour])
    foreground_color = models.CharField(max_length=7, default="#ffffff", validators=[hex_colour])
    label_color = models.CharField(max_length=7, default="#d1d5db", validators=[hex_colour])
    fields = models.JSONField(
        default=list,
        blank=True,
        help_text='A list of {"area": "primary", "key": "name", "label": "Name", "value": "{full_name}"}.',
    )
    barcode_format = models.CharField(max_length=10, choices=BarcodeFormat, default=BarcodeFormat.QR)
    barcode_alt_text = models.BooleanField("show the value below the barcode", default=False)
    nfc_public_key = models.TextField(
        "NFC encryption public key",
        blank=True,
        help_text="Base64 of the X.509 form, ECDH P-256. Empty: no NFC.",
    )
    nfc_requires_authentication = models.BooleanField("NFC asks for Face ID or passcode", default=False)
    sharing_prohibited = models.BooleanField(default=True)
    google_view_unlock_requirement = models.CharField(
        "Google asks to unlock the phone",
        max_length=30,
        choices=ViewUnlock,
        default=ViewUnlock.NOT_REQUIRED,
        db_default=ViewUnlock.NOT_REQUIRED,
    )
    google_rotating_barcode = models.BooleanField(
        "Google's barcode rotates",
        default=False,
        db_default=False,
        help_text="It changes every 30 seconds: a picture of it is soon worth nothing. QR and PDF417.",
    )
    google_smart_tap = models.BooleanField(
        "Google answers Smart Tap readers",
        default=False,
        db_default=False,
        help_text="The value goes over NFC to readers of those whom the Google issuer names.",
    )
    user_info = models.JSONField(default=dict, blank=True)
    localizations = models.JSONField(
        default=dict, blank=True, help_text='{"de": {"Name": "Name", "Valid until": "Gültig bis"}}'
    )

    # Grows with every change of the design, images included; whatever is prepared from it is cached under it.
    version = models.PositiveIntegerField(default=1, editable=False)
    # The version that the passes in wallets were last told of.
    refreshed_version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["account", "label"]
        constraints = [
            models.UniqueConstraint(fields=["account", "slug"], name="credential_type_slug_unique_in_account")
        ]

    def __str__(self) -> str:
        return self.label


class DesignImage(models.Model):
    """One rendition of one image of a design, as the PNG that goes into the pass."""

    class Role(models.TextChoices):
        """Apple's names for the places an image can have."""

        ICON = "icon"
        LOGO = "logo"
        STRIP = "strip"
        THUMBNAIL = "thumbnail"
        BACKGROUND = "background"
        FOOTER = "footer"

    credential_type = models.ForeignKey(CredentialType, models.CASCADE, related_name="images")
    role = models.CharField(max_length=12, choices=Role)
    scale = models.PositiveSmallIntegerField()
    png = models.BinaryField()

    class Meta:
        ordering = ["role", "scale"]
        constraints = [
            models.UniqueConstraint(fields=["credential_type", "role", "scale"], name="design_image_once"),
            models.CheckConstraint(name="design_image_scale_known", condition=models.Q(scale__in=[1, 2, 3])),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def file_name(self) -> str:
        """The name inside the pass: `icon.png`, `icon@2x.png`, `icon@3x.png`."""
        return f"{self.role}.png" if self.scale == 1 else f"{self.role}@{self.scale}x.png"

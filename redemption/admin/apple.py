"""Apple's side in the admin: certificates are imported here, everything else is looked at."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import forms
from django.contrib import admin
from django.db.models import Max, Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from credentials.admin.badges import badge, link, pass_state
from credentials.admin.records import RecordAdmin
from credentials.admin.rows import ReadOnlyAdmin, WhetherFilter
from credentials.admin.subscriptable import TabularInline
from credentials.admin.verbs import Columns, VerbForm
from credentials.models import Account
from redemption.admin.uploads import content_of
from redemption.apple.identities import EXPIRY_NOTICE, import_identity
from redemption.models import (
    AppleDevice,
    AppleIdentity,
    AppleLog,
    ApplePass,
    ApplePassType,
    AppleRegistration,
)


class RegistrationInline(TabularInline[AppleRegistration, Model]):
    """Which device has which pass."""

    model = AppleRegistration
    fields = readonly_fields = ("device", "of_pass", "generation", "registered_at")
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AppleRegistration]:
        """Each with what its line names."""
        return super().get_queryset(request).select_related("device", "apple_pass__wallet_pass")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Devices register."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Devices register."""
        return False

    @admin.display(description="pass")
    def of_pass(self, registration: AppleRegistration) -> SafeString | str:
        """The pass by its serial number."""
        return link(registration.apple_pass, registration.apple_pass.wallet_pass.serial_number)


@admin.register(ApplePassType)
class ApplePassTypeAdmin(ReadOnlyAdmin[ApplePassType]):
    """What Apple lets the accounts sign for; a certificate brings its pass type with it."""

    list_display = ("pass_type_identifier", "team_identifier", "account", "certificate", "push")
    list_filter = ("account",)
    list_select_related = ("account",)
    search_fields = ("pass_type_identifier", "team_identifier", "account__name")
    empty_list = "One appears when its first certificate is imported."
    fields = readonly_fields = (
        *("pass_type_identifier", "team_identifier", "account"),
        *("certificate", "push", "last_update_tag"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApplePassType]:
        """Each with the end of its newest certificate."""
        return super().get_queryset(request).annotate(latest_end=Max("identities__not_after"))

    @admin.display(description="certificate")
    def certificate(self, pass_type: ApplePassType) -> SafeString:
        """How long passes can be signed."""
        return _remaining(vars(pass_type)["latest_end"])

    @admin.display(description="push")
    def push(self, pass_type: ApplePassType) -> SafeString:
        """Whether Apple takes our certificate."""
        if pass_type.push_refused_at is None:
            return badge("Accepted", "good")
        return badge(f"Refused: {pass_type.push_refusal or 'no reason given'}", "bad")


class IdentityForm(VerbForm[AppleIdentity]):
    """A certificate with its key: one PKCS #12 file, or two PEM files."""

    account = forms.ModelChoiceField(Account.objects.all())
    p12 = forms.FileField(
        required=False, label="PKCS #12 file", help_text="As Keychain exports it, with the private key."
    )
    password = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Of the file or of the key, if it has one. It is not kept.",
    )
    certificate = forms.FileField(required=False, help_text="PEM, or DER as from Apple's portal.")
    key = forms.FileField(
        required=False, label="Private key", help_text="PEM. It is encrypted before it is kept."
    )
    wwdr = forms.FileField(
        required=False,
        label="WWDR intermediate",
        help_text="PEM or DER. Only needed when PassFlow does not know the one that issued the certificate.",
    )

    class Meta:
        model = AppleIdentity
        fields = ()


@admin.register(AppleIdentity)
class AppleIdentityAdmin(RecordAdmin[AppleIdentity]):
    """Pass type certificates; the newest one that is valid signs."""

    form = IdentityForm
    list_display = ("pass_type", "account", "standing", "not_before", "not_after", "nfc", "created_at")
    list_filter = ("pass_type__account", "nfc")
    list_select_related = ("pass_type__account",)
    search_fields = ("pass_type__pass_type_identifier", "=fingerprint", "pass_type__account__name")
    ordering = ("-pk",)
    add_title = "Import an Apple certificate"
    empty_list = "Import the certificate of a pass type identifier to sign passes for Apple Wallet."
    details = (
        (None, {"fields": ("pass_type", "account", "standing", "not_before", "not_after", "nfc")}),
        ("Certificate", {"fields": ("fingerprint", "certificate_pem", "wwdr_pem"), "classes": ["collapse"]}),
        ("Dates", {"fields": ("created_at", "expiry_warned_at")}),
    )

    def create(self, columns: Columns, *, actor: str) -> AppleIdentity:
        """Checks, encrypts and stores; used from the next pass on."""
        files = {
            name: content_of(columns[name], named=name) for name in ("p12", "certificate", "key", "wwdr")
        }
        return import_identity(columns["account"], password=columns["password"], actor=actor, **files)

    @admin.display(description="account")
    def account(self, identity: AppleIdentity) -> SafeString | str:
        """Whose passes it signs."""
        return link(identity.pass_type.account)

    @admin.display(description="status")
    def standing(self, identity: AppleIdentity) -> SafeString:
        """How long it can sign."""
        return _remaining(identity.not_after)

    @admin.display(description="certificate")
    def certificate_pem(self, identity: AppleIdentity) -> SafeString:
        """The certificate, which is public."""
        return format_html("<pre>{}</pre>", identity.certificate)

    @admin.display(description="WWDR intermediate")
    def wwdr_pem(self, identity: AppleIdentity) -> SafeString:
        """Its issuer, which is public."""
        return format_html("<pre>{}</pre>", identity.wwdr)


@admin.register(ApplePass)
class ApplePassAdmin(ReadOnlyAdmin[ApplePass]):
    """The Apple side of wallet passes."""

    list_display = ("of_pass", "pass_type", "standing", "update_tag", "modified_at")
    list_filter = ("pass_type",)
    list_select_related = ("pass_type", "wallet_pass")
    search_fields = ("=wallet_pass__serial_number", "=wallet_pass__credential__public_id")
    search_help_text = "A whole serial number, or the id of a credential."
    ordering = ("-pk",)
    sortable_by = ()
    fields = readonly_fields = ("wallet_pass_link", "pass_type", "standing", "update_tag", "modified_at")
    inlines = (RegistrationInline,)

    @admin.display(description="serial number")
    def of_pass(self, apple_pass: ApplePass) -> str:
        """Its name at Apple."""
        return apple_pass.wallet_pass.serial_number

    @admin.display(description="wallet pass")
    def wallet_pass_link(self, apple_pass: ApplePass) -> SafeString | str:
        """What both wallets have in common."""
        return link(apple_pass.wallet_pass, apple_pass.wallet_pass.serial_number)

    @admin.display(description="state")
    def standing(self, apple_pass: ApplePass) -> SafeString:
        """Where it stands."""
        return pass_state(apple_pass.wallet_pass.state)


@admin.register(AppleDevice)
class AppleDeviceAdmin(ReadOnlyAdmin[AppleDevice]):
    """Devices as they name themselves to one pass type, and the pushes they are owed."""

    list_display = ("device_library_identifier", "pass_type", "push_due_at", "push_attempts", "pushed_at")
    list_filter = ("pass_type", ("push_due_at", WhetherFilter))
    list_select_related = ("pass_type",)
    search_fields = ("=device_library_identifier",)
    ordering = ("-pk",)
    sortable_by = ()
    fields = readonly_fields = (
        *("device_library_identifier", "pass_type", "push_token_beginning", "push_token_at"),
        *("push_due_at", "push_attempts", "pushed_at"),
    )
    inlines = (RegistrationInline,)

    @admin.display(description="push token")
    def push_token_beginning(self, device: AppleDevice) -> str:
        """Enough to compare."""
        return f"{device.push_token[:8]}…"


@admin.register(AppleLog)
class AppleLogAdmin(ReadOnlyAdmin[AppleLog]):
    """What devices report; anybody can write here, so it proves nothing."""

    list_display = ("received_at", "message")
    search_fields = ("message",)
    sortable_by = ()
    fields = readonly_fields = ("received_at", "message")


def _remaining(end: datetime | None) -> SafeString:
    left = end - timezone.now() if end else None
    if left is None:
        return badge("None", "bad")
    if left <= timedelta():
        return badge("Expired", "bad")
    return badge(f"{left.days} days left", "attention" if left < EXPIRY_NOTICE else "good")

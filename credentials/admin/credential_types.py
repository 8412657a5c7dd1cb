"""Credential types in the admin: their design, with a picture of the pass it makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import JSONField
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from credentials import designs
from credentials.admin.image_input import DesignImageField, read_upload
from credentials.admin.json_text import JsonText
from credentials.admin.preview import Preview, data_uri, preview
from credentials.admin.verbs import Columns, VerbAdmin, VerbForm
from credentials.design_rules import TRANSIT_TYPES
from credentials.errors import Invalid
from credentials.images import Role
from credentials.models import CredentialType
from credentials.pass_fields import AREAS, PLACEHOLDERS


class CredentialTypeForm(VerbForm[CredentialType]):
    """A design as an admin writes it."""

    transit_type = forms.ChoiceField(
        choices=[("", "---------"), *((name, name) for name in TRANSIT_TYPES)],
        required=False,
        help_text="For boarding passes only.",
    )
    icon = DesignImageField(required=False, help_text="29 by 29 points. Without one, a neutral icon is used.")
    logo = DesignImageField(required=False, help_text="At most 160 by 50 points, top left.")
    strip = DesignImageField(
        required=False,
        help_text="375 by 144 points, on an event ticket 98: store cards, coupons, event tickets.",
    )
    thumbnail = DesignImageField(
        required=False, help_text="At most 90 by 90 points: generic passes, event tickets without a strip."
    )
    background = DesignImageField(
        required=False, help_text="180 by 220 points, blurred: event tickets without a strip."
    )
    footer = DesignImageField(required=False, help_text="At most 286 by 15 points: boarding passes.")

    class Meta:
        model = CredentialType
        exclude = ()
        widgets = {
            "background_color": forms.ColorInput,
            "foreground_color": forms.ColorInput,
            "label_color": forms.ColorInput,
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            shown = designs.finest_images(designs.own_image_files(self.instance))
            self.initial.update({role: data_uri(image) for role, image in shown.items()})


@admin.register(CredentialType)
class CredentialTypeAdmin(VerbAdmin[CredentialType]):
    """What accounts issue, and how it looks."""

    form = CredentialTypeForm
    formfield_overrides = {JSONField: {"form_class": JsonText}}
    change_form_template = "admin/credentials/credentialtype/change_form.html"
    list_display = ("label", "colours", "account", "slug", "style", "wallets", "version", "updated_at")
    list_filter = ("account", "style")
    list_select_related = ("account",)
    search_fields = ("label", "slug", "account__name", "account__slug")
    prepopulated_fields = {"slug": ["label"]}
    empty_list = "A credential type says what is issued and how it looks."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("account", "label", "slug", "code"),
                    *("apple_enabled", "google_enabled", "apple_pass_type_identifier"),
                )
            },
        ),
        (
            "Look",
            {
                "fields": (
                    *("style", "transit_type", "organization_name", "description", "logo_text"),
                    ("background_color", "foreground_color", "label_color"),
                )
            },
        ),
        ("Images", {"fields": tuple(Role), "description": "PNG or JPEG, at most 2 MB and 10 megapixels."}),
        (
            "Content",
            {
                "fields": ("fields", "barcode_format", "barcode_alt_text", "localizations"),
                "description": f"Areas are {', '.join(AREAS)}. "
                f"A value may hold {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}. "
                "A field may also have change_message (with %@), text_alignment, date_style and time_style.",
            },
        ),
        (
            "Google Wallet",
            {
                "fields": (
                    "google_view_unlock_requirement",
                    "google_rotating_barcode",
                    "google_smart_tap",
                ),
                "description": "The same design for Google's cards: the primary field is the title; header, "
                "secondary and auxiliary fields fill three rows below it; the others follow beneath the "
                "card, as far as Google shows ten. The icon is the round logo there, the logo the wide one, "
                "the strip the hero image.",
            },
        ),
        (
            "NFC, sharing and data",
            {
                "fields": (
                    *("nfc_public_key", "nfc_requires_authentication"),
                    *("sharing_prohibited", "user_info"),
                ),
                "classes": ("collapse",),
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: CredentialType | None = None) -> tuple[str, ...]:
        """A type stays where it was made."""
        return ("account",) if obj else ()

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: CredentialType | None = None
    ) -> dict[str, Sequence[str]]:
        """The slug follows the label until it is saved."""
        return {} if obj else self.prepopulated_fields

    def get_changeform_initial_data(self, request: HttpRequest) -> Columns:
        """A new design starts with something to see."""
        name = {"area": "primary", "key": "name", "label": "Name", "value": "{full_name}"}
        return {"fields": [name], **super().get_changeform_initial_data(request)}

    def create(self, columns: Columns, *, actor: str) -> CredentialType:
        """A new type with its images."""
        return designs.create_credential_type(actor=actor, **_arguments(columns))

    def update(self, row: CredentialType, *, columns: Columns, actor: str) -> CredentialType:
        """All changes as one new version."""
        return designs.update_credential_type(row, actor=actor, **_arguments(columns))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form beside the pass that the saved design makes."""
        saved = self.get_object(request, object_id)
        return super().change_view(
            request, object_id, form_url, {"preview": saved and _preview(saved), **(extra_context or {})}
        )

    @admin.display(description="")
    def colours(self, credential_type: CredentialType) -> SafeString:
        """A card of its colours."""
        return format_html(
            '<svg class="swatch" viewBox="0 0 30 20" width="30" height="20" aria-hidden="true">'
            '<rect width="30" height="20" rx="3" fill="{}"/>'
            '<rect x="5" y="5" width="20" height="3" fill="{}"/>'
            '<rect x="5" y="11" width="12" height="3" fill="{}"/></svg>',
            credential_type.background_color,
            credential_type.label_color,
            credential_type.foreground_color,
        )

    @admin.display(description="wallets")
    def wallets(self, credential_type: CredentialType) -> str:
        """Which it is offered for."""
        offered = {"Apple": credential_type.apple_enabled, "Google": credential_type.google_enabled}
        return ", ".join(name for name, is_offered in offered.items() if is_offered)


def _preview(credential_type: CredentialType) -> Preview | None:
    try:
        return preview(credential_type)
    except Invalid:
        return None


def _arguments(columns: Columns) -> Columns:
    """What the verbs take: an emptied JSON text is its default, and images stand apart."""
    given = {name: value for name, value in columns.items() if name not in Role.values}
    for name, empty in (("fields", list), ("localizations", dict), ("user_info", dict)):
        if name in given and given[name] is None:
            given[name] = empty()
    images = {role: read_upload(columns[role]) for role in Role.values if columns.get(role) is not None}
    return {**given, "images": images}

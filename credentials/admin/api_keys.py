"""API keys in the admin: made here, shown once, revoked here."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.utils.safestring import SafeString

from credentials import apikeys
from credentials.admin.badges import badge
from credentials.admin.orders import Order
from credentials.admin.records import RecordAdmin
from credentials.admin.rows import WhetherFilter
from credentials.admin.verbs import Columns, VerbForm
from credentials.models import ApiKey
from credentials.models.accounts import known_scopes
from credentials.scopes import Scope


class ApiKeyForm(VerbForm[ApiKey]):
    """What a new key is for and may do."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in Scope],
        initial=known_scopes,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = ApiKey
        fields = ("account", "name", "scopes")
        help_texts = {"name": "What it is for, as lists show it."}


REVOKE = Order[ApiKey](
    name="revoke",
    label="Revoke",
    question="Programs that use this key are refused at once, for good.",
    done="The key is revoked.",
    carry_out=apikeys.revoke_api_key,
    applies=lambda api_key: api_key.revoked_at is None,
    is_grave=True,
)


@admin.register(ApiKey)
class ApiKeyAdmin(RecordAdmin[ApiKey]):
    """The keys that integrators call with."""

    form = ApiKeyForm
    orders = (REVOKE,)
    secret_name = "API key"
    add_title = "New API key"
    empty_list = "A program needs a key to call the API."
    list_display = ("__str__", "account", "standing", "created_at", "last_used_at")
    list_filter = (("revoked_at", WhetherFilter), "account")
    list_select_related = ("account",)
    search_fields = ("name", "hint", "account__name", "account__slug")
    ordering = ("-pk",)
    details = (
        (None, {"fields": ("account", "name", "hint", "allowed")}),
        ("Dates", {"fields": ("created_at", "last_used_at", "revoked_at")}),
    )

    def create(self, columns: Columns, *, actor: str) -> tuple[ApiKey, str]:
        """A new key, shown once."""
        return apikeys.create_api_key(actor=actor, **columns)

    @admin.display(description="scopes")
    def allowed(self, api_key: ApiKey) -> str:
        """What it may do."""
        return ", ".join(api_key.scopes)

    @admin.display(description="status")
    def standing(self, api_key: ApiKey) -> SafeString:
        """Whether it works."""
        return badge("Active", "good") if api_key.revoked_at is None else badge("Revoked", "bad")

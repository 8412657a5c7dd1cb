"""Accounts in the admin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import InlineModelAdmin
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from credentials.admin.rows import RowAdmin
from credentials.admin.subscriptable import ModelForm, TabularInline
from credentials.models import Account, ApiKey, Credential, Person

LONGEST_URL_LIFETIME = timedelta(days=3650)


class AccountForm(ModelForm[Account]):
    """An account as an admin writes it."""

    class Meta:
        model = Account
        fields = ("name", "slug", "contact_email", "url_lifetime")
        help_texts = {
            "slug": "What commands call it by. It stays.",
            "url_lifetime": "How long a redemption URL works, such as 7 00:00:00 for seven days. "
            "Empty: until it is replaced.",
        }

    def clean_url_lifetime(self) -> timedelta | None:
        """A URL lives for a while, and not beyond the calendar."""
        lifetime: timedelta | None = self.cleaned_data["url_lifetime"]
        if lifetime is not None and not timedelta(minutes=1) <= lifetime <= LONGEST_URL_LIFETIME:
            raise forms.ValidationError("This must be between a minute and ten years.")
        return lifetime


class ApiKeyInline(TabularInline[ApiKey, Account]):
    """The keys of an account; each is made and revoked on a page of its own."""

    model = ApiKey
    fields = readonly_fields = ("name", "hint", "allowed", "created_at", "last_used_at", "revoked_at")
    extra = 0
    show_change_link = True
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        """Not in a table."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Not in a table."""
        return False

    @admin.display(description="scopes")
    def allowed(self, api_key: ApiKey) -> str:
        """What it may do."""
        return ", ".join(api_key.scopes)


@admin.register(Account)
class AccountAdmin(RowAdmin[Account]):
    """The tenants of this installation."""

    form = AccountForm
    list_display = ("name", "slug", "people", "credentials", "contact_email", "created_at")
    search_fields = ("name", "slug", "contact_email")
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ("people", "credentials", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        """Each with its counts, taken only for the rows that are shown."""
        return (
            super()
            .get_queryset(request)
            .annotate(
                people_count=_count(Person.objects.present()),
                credential_count=_count(Credential.objects.all()),
            )
        )

    def get_inlines(
        self, request: HttpRequest, obj: Account | None
    ) -> list[type[InlineModelAdmin[Any, Account]]]:
        """Keys belong to an account that is there."""
        return [ApiKeyInline] if obj else []

    def get_fields(self, request: HttpRequest, obj: Account | None = None) -> tuple[str, ...]:
        """Counts belong to an account that is there."""
        return (*AccountForm.Meta.fields, *self.readonly_fields) if obj else AccountForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> tuple[str, ...]:
        """Once it has a name, scripts know it by that."""
        return ("slug", *self.readonly_fields) if obj else self.readonly_fields

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Account | None = None
    ) -> dict[str, Sequence[str]]:
        """The slug follows the name until it is saved."""
        return {} if obj else self.prepopulated_fields

    @admin.display(description="people")
    def people(self, account: Account) -> SafeString:
        """How many, and the way to them."""
        return _counted(account, "person", vars(account)["people_count"])

    @admin.display(description="credentials")
    def credentials(self, account: Account) -> SafeString:
        """How many, and the way to them."""
        return _counted(account, "credential", vars(account)["credential_count"])


def _count(rows: QuerySet[Person] | QuerySet[Credential]) -> Coalesce:
    of_account = rows.filter(account=OuterRef("pk")).order_by().values("account")
    return Coalesce(Subquery(of_account.annotate(number=Count("pk")).values("number")), 0)


def _counted(account: Account, noun: str, number: int) -> SafeString:
    rows = reverse(f"admin:credentials_{noun}_changelist", query={"account__id__exact": account.pk})
    return format_html('<a href="{}">{}</a>', rows, number)

"""Accounts in the admin."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import InlineModelAdmin
from django.db.models import Count, JSONField, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from credentials import accounts
from credentials.admin.json_text import JsonText
from credentials.admin.subscriptable import TabularInline
from credentials.admin.verbs import Columns, VerbAdmin, VerbForm
from credentials.models import Account, ApiKey, Credential, Person
from credentials.suspicion import DEFAULTS


class AccountForm(VerbForm[Account]):
    """An account as an admin writes it."""

    class Meta:
        model = Account
        fields = (
            *("name", "slug", "contact_email", "language", "mails_a_day", "url_lifetime"),
            *("reopening", "reopening_pause", "suspend_on_suspicion", "suspicion_thresholds"),
        )
        help_texts = {
            "slug": "What commands call it by. It stays.",
            "url_lifetime": "How long a redemption URL works, such as 7 00:00:00 for seven days. "
            "Empty: until it is replaced.",
            "reopening": "What it takes before the URL of a removed pass adds another one. "
            "A fresh URL works in any case.",
            "reopening_pause": "For “after a pause”: a minute to 365 days, such as 1 00:00:00 for a day.",
            "suspend_on_suspicion": "It stays suspended until somebody has looked at it and resumes it.",
            "suspicion_thresholds": "Where an account differs, by rule: how many uses in how many seconds "
            "are too many.",
        }


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
class AccountAdmin(VerbAdmin[Account]):
    """The tenants of this installation."""

    form = AccountForm
    formfield_overrides = {
        JSONField: {
            "form_class": JsonText,
            "required": False,
            "show_hidden_initial": False,
            "widget": forms.Textarea(attrs={**JsonText.widget.attrs, "rows": 4}),
        }
    }
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

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> Any:
        """What there is to say, by subject; counts belong to an account that is there."""
        return (
            (None, {"fields": ("name", "slug", "contact_email", "language", "mails_a_day")}),
            ("Redemption URLs", {"fields": ("url_lifetime", "reopening", "reopening_pause")}),
            (
                "Suspicious use",
                {"fields": ("suspend_on_suspicion", "suspicion_thresholds"), "description": _rules()},
            ),
            *([("So far", {"fields": self.readonly_fields})] if obj else []),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> tuple[str, ...]:
        """Once it has a name, scripts know it by that."""
        return ("slug", *self.readonly_fields) if obj else self.readonly_fields

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Account | None = None
    ) -> dict[str, Sequence[str]]:
        """The slug follows the name until it is saved."""
        return {} if obj else self.prepopulated_fields

    def create(self, columns: Columns, *, actor: str) -> Account:
        """A new tenant."""
        return accounts.create_account(actor=actor, **_with_thresholds(columns))

    def update(self, row: Account, *, columns: Columns, actor: str) -> Account:
        """What is named is changed."""
        return accounts.update_account(row, actor=actor, **_with_thresholds(columns))

    def construct_change_message(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        add: bool = False,  # noqa: FBT001, FBT002 - as Django has it
    ) -> Any:
        """What the verb has changed: the keys below are only shown."""
        return super().construct_change_message(request, form, [], add)

    @admin.display(description="people")
    def people(self, account: Account) -> SafeString:
        """How many, and the way to them."""
        return _counted(account, "person", vars(account)["people_count"])

    @admin.display(description="credentials")
    def credentials(self, account: Account) -> SafeString:
        """How many, and the way to them."""
        return _counted(account, "credential", vars(account)["credential_count"])


def _rules() -> SafeString:
    """The rules with what counts unless an account says otherwise, as the JSON that may be written."""
    known = {str(rule): list(pair) for rule, pair in DEFAULTS.items()}
    return format_html(
        "Use beyond a threshold writes the event security.suspicious_activity. These hold, as "
        "[uses, seconds], unless others are written below: <code>{}</code>",
        json.dumps(known),
    )


def _with_thresholds(columns: Columns) -> Columns:
    """An emptied text of JSON is no threshold at all."""
    if columns.get("suspicion_thresholds", ...) is None:
        return {**columns, "suspicion_thresholds": {}}
    return columns


def _count(rows: QuerySet[Person] | QuerySet[Credential]) -> Coalesce:
    of_account = rows.filter(account=OuterRef("pk")).order_by().values("account")
    return Coalesce(Subquery(of_account.annotate(number=Count("pk")).values("number")), 0)


def _counted(account: Account, noun: str, number: int) -> SafeString:
    rows = reverse(f"admin:credentials_{noun}_changelist", query={"account__id__exact": account.pk})
    return format_html('<a href="{}">{}</a>', rows, number)

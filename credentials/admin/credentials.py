"""Credentials in the admin: issued, ordered about, and followed through time."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from credentials import issuing
from credentials.admin import badges
from credentials.admin.credential_orders import ORDERS
from credentials.admin.events import event_type
from credentials.admin.mail_filter import LastMailFilter
from credentials.admin.records import RecordAdmin
from credentials.admin.rows import WhetherFilter
from credentials.admin.verbs import Columns, VerbForm
from credentials.models import Credential, CredentialType

MOST_SHOWN = 100


class IssueForm(VerbForm[Credential]):
    """Who gets what, and until when."""

    class Meta:
        model = Credential
        fields = ("person", "credential_type", "expires_at")
        help_texts = {"expires_at": "Empty: it does not end by itself."}

    def clean(self) -> Columns:
        """A person gets what their own account issues."""
        columns = super().clean()
        person, credential_type = columns.get("person"), columns.get("credential_type")
        if person and credential_type and person.account_id != credential_type.account_id:
            raise ValidationError({"credential_type": f"{person} belongs to another account than this type."})
        return columns


@admin.register(Credential)
class CredentialAdmin(RecordAdmin[Credential]):
    """What people hold, in all accounts."""

    form = IssueForm
    orders = ORDERS
    secret_name = "redemption URL"
    add_title = "Issue a credential"
    empty_list = "Open a person and issue a credential to them."
    change_form_template = "admin/credentials/credential/change_form.html"
    raw_id_fields = ("person",)
    list_display = (
        "public_id",
        "holder",
        "credential_type",
        "standing",
        "wallet",
        "issued",
        "ends",
        "account",
    )
    list_filter = (
        *("state", ("suspended_at", WhetherFilter), "awaits_approval", LastMailFilter),
        *("account", "credential_type"),
    )
    search_fields = (
        *("=public_id", "=wallet_passes__serial_number", "=person__system_id"),
        *("^person__first_name", "^person__last_name", "^person__email"),
    )
    search_help_text = (
        "The beginning of a name or of an e-mail address, or a whole id, serial number or system id."
    )
    ordering = ("-pk",)
    sortable_by = ()
    details = (
        (
            None,
            {
                "fields": (
                    "public_id",
                    "account",
                    "holder",
                    "of_type",
                    "standing",
                    "expires_at",
                    "url_expires_at",
                    "reopens_at",
                    "awaits_approval",
                )
            },
        ),
        (
            "Since",
            {
                "classes": ["collapse"],
                "fields": (
                    *("created_at", "invited_at", "added_to_wallet_at"),
                    *("removed_from_wallet_at", "suspended_at", "revoked_at"),
                ),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credential]:
        """Each with its installed pass."""
        return Credential.objects.with_installed_pass().order_by("-pk")

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **options: Any
    ) -> Any:
        """For a person who is named already, the types of their account."""
        if db_field.name == "credential_type":
            types = CredentialType.objects.select_related("account").order_by("account__slug", "label")
            person = request.GET.get("person", "")
            options["queryset"] = types.filter(account__people=int(person)) if person.isdecimal() else types
            options["form_class"] = TypeChoiceField
        return super().formfield_for_foreignkey(db_field, request, **options)

    def create(self, columns: Columns, *, actor: str) -> tuple[Credential, str]:
        """A new credential; its URL is shown once."""
        person = columns.pop("person")
        return issuing.issue(person, actor=actor, **columns)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What it is, where it went, and what happened to it."""
        credential = self.get_object(request, object_id)
        told = (
            {
                "deliveries": _deliveries(credential),
                "mails": _mails(credential),
                "timeline": _timeline(credential),
            }
            if credential
            else {}
        )
        return super().change_view(request, object_id, form_url, {**told, **(extra_context or {})})

    @admin.display(description="holder")
    def holder(self, credential: Credential) -> SafeString | str:
        """Whose it is."""
        return badges.link(credential.person)

    @admin.display(description="type")
    def of_type(self, credential: Credential) -> SafeString | str:
        """What it is."""
        return badges.link(credential.credential_type)

    @admin.display(description="status")
    def standing(self, credential: Credential) -> SafeString:
        """Where it stands now."""
        return badges.standing(credential, now=timezone.now())

    @admin.display(description="issued")
    def issued(self, credential: Credential) -> str:
        """Since when it is there."""
        return badges.day(credential.created_at)

    @admin.display(description="ends")
    def ends(self, credential: Credential) -> str:
        """Until when."""
        return badges.day(credential.expires_at)

    @admin.display(description="wallet", empty_value=badges.NOTHING)
    def wallet(self, credential: Credential) -> str | None:
        """Where it is installed."""
        installed = credential.installed_pass
        return installed.get_wallet_display() if installed else None


class TypeChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]  # takes no argument when the program runs
    """Types of all accounts, told apart."""

    def label_from_instance(self, obj: CredentialType) -> str:
        """Two accounts may both have a membership."""
        return f"{obj.label} ({obj.account})"


def _deliveries(credential: Credential) -> list[dict[str, Any]]:
    return [
        {
            "delivery": delivery,
            "link": badges.link(delivery, delivery.serial_number),
            "state": badges.pass_state(delivery.state),
            "evidence": badges.evidence(delivery),
        }
        for delivery in credential.wallet_passes.order_by("-pk")[:MOST_SHOWN]
    ]


def _mails(credential: Credential) -> list[dict[str, Any]]:
    return [
        {"mail": mail, "state": badges.mail_state(mail)}
        for mail in credential.invitations.order_by("-pk")[:MOST_SHOWN]
    ]


def _timeline(credential: Credential) -> list[dict[str, Any]]:
    events = credential.events.order_by("-pk")[:MOST_SHOWN]
    return [{"event": event, "type": event_type(event)} for event in events]

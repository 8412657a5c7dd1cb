"""Google's side in the admin: issuers are imported here with their keys."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from credentials.admin.badges import NOTHING, badge
from credentials.admin.orders import Order
from credentials.admin.records import RecordAdmin
from credentials.admin.verbs import Columns, VerbForm
from credentials.models import Account
from redemption.admin.uploads import content_of
from redemption.google.issuers import check_issuer, import_issuer
from redemption.models import GoogleIssuer


class IssuerForm(VerbForm[GoogleIssuer]):
    """An issuer with the key of the service account that acts for it."""

    account = forms.ModelChoiceField(Account.objects.all(), help_text="It has one issuer.")
    issuer_id = forms.CharField(
        label="Issuer ID", help_text="As the Google Pay & Wallet Console shows it: digits only."
    )
    service_account = forms.FileField(
        label="Service account key",
        help_text="The JSON file that the Google Cloud console downloads. It is encrypted before it is kept.",
    )
    redemption_issuers = forms.CharField(
        required=False,
        help_text="Issuer IDs, separated by spaces, whose Smart Tap readers get the value; or nobody.",
    )

    class Meta:
        model = GoogleIssuer
        fields = ()


CHECK = Order[GoogleIssuer](
    name="check",
    label="Ask Google",
    question="Google is asked whether the service account may act for this issuer. Nothing is changed there.",
    done="Google confirms it.",
    carry_out=check_issuer,
    applies=lambda issuer: issuer.private_key is not None,
)


@admin.register(GoogleIssuer)
class GoogleIssuerAdmin(RecordAdmin[GoogleIssuer]):
    """The accounts' issuers at Google Wallet; importing one again replaces its key."""

    form = IssuerForm
    orders = (CHECK,)
    list_display = ("issuer_id", "account", "standing", "service_account_email", "imported_at")
    list_filter = ("account",)
    list_select_related = ("account",)
    search_fields = ("=issuer_id", "account__name", "service_account_email", "project_id")
    add_title = "Import a Google issuer"
    empty_list = "Import the issuer of an account to offer its passes for Google Wallet."
    details = (
        (None, {"fields": ("issuer_id", "account", "standing", "smart_tap", "callback_url")}),
        (
            "Service account",
            {"fields": ("service_account_email", "project_id", "private_key_id", "next_key")},
        ),
        ("Dates", {"fields": ("imported_at", "refused_at")}),
    )

    def create(self, columns: Columns, *, actor: str) -> GoogleIssuer:
        """Checks, encrypts and stores; used from the next request on."""
        key = content_of(columns["service_account"], named="service_account")
        return import_issuer(
            columns["account"],
            issuer_id=columns["issuer_id"],
            service_account=key or b"",
            redemption_issuers=columns["redemption_issuers"].replace(",", " ").split(),
            actor=actor,
        )

    @admin.display(description="status")
    def standing(self, issuer: GoogleIssuer) -> SafeString:
        """Whether cards can be offered, and if not, why."""
        if issuer.private_key is None:
            return badge("No key", "bad")
        if issuer.refused_at is not None:
            return format_html("{} {}", badge("Refused by Google", "bad"), issuer.refusal)
        return badge("Ready", "good")

    @admin.display(description="Smart Tap readers of")
    def smart_tap(self, issuer: GoogleIssuer) -> str:
        """Whose readers get the value."""
        return ", ".join(map(str, issuer.redemption_issuers)) or NOTHING

    @admin.display(description="callback URL")
    def callback_url(self, issuer: GoogleIssuer) -> str:
        """Where Google reports what is saved and removed; every class names it."""
        return f"{settings.BASE_URL}/google/callback/{issuer.issuer_id}"

    @admin.display(description="next key")
    def next_key(self, issuer: GoogleIssuer) -> SafeString:
        """The form, filled in with what stays."""
        stays: dict[str, Any] = {
            "account": issuer.account_id,
            "issuer_id": issuer.issuer_id,
            "redemption_issuers": " ".join(map(str, issuer.redemption_issuers)),
        }
        page = reverse("admin:redemption_googleissuer_add")
        return format_html('<a href="{}?{}">Import another key</a>', page, urlencode(stays))

"""Google's side in the admin: what is known of the issuers."""

from __future__ import annotations

from django.contrib import admin

from credentials.admin.rows import ReadOnlyAdmin
from redemption.models import GoogleIssuer


@admin.register(GoogleIssuer)
class GoogleIssuerAdmin(ReadOnlyAdmin[GoogleIssuer]):
    """The accounts' issuers at Google Wallet."""

    list_display = ("issuer_id", "account")
    list_select_related = ("account",)
    search_fields = ("=issuer_id", "account__name")
    fields = readonly_fields = ("issuer_id", "account")

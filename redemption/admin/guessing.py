"""Who was stopped for guessing, in the admin: for a look, and for the firewall."""

from __future__ import annotations

from django.contrib import admin

from credentials.admin.rows import ReadOnlyAdmin
from redemption.models import GuessingAddress


@admin.register(GuessingAddress)
class GuessingAddressAdmin(ReadOnlyAdmin[GuessingAddress]):
    """Addresses that tried too many secrets, the last one first."""

    list_display = ("address", "times", "first_seen_at", "last_seen_at")
    search_fields = ("^address",)
    search_help_text = "The beginning of an address."
    ordering = ("-last_seen_at",)
    sortable_by = ()
    fields = readonly_fields = list_display
    empty_list = "Nobody has tried too many secrets within the last thirty days."

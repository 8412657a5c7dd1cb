"""Deliveries into wallets in the admin: read-only."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from credentials.admin.badges import evidence, link, pass_state
from credentials.admin.rows import ReadOnlyAdmin
from credentials.models import WalletPass


@admin.register(WalletPass)
class WalletPassAdmin(ReadOnlyAdmin[WalletPass]):
    """Each file or save link that was handed out, and what became of it."""

    list_display = (
        *("serial_number", "wallet", "standing", "devices", "evidence"),
        *("holder", "of_credential", "offered_at"),
    )
    list_filter = ("state", "wallet", "credential__account")
    list_select_related = ("credential__person",)
    search_fields = ("=serial_number", "=credential__public_id")
    search_help_text = "A whole serial number, or the id of a credential."
    ordering = ("-pk",)
    empty_list = "One appears when a holder opens a redemption URL and asks for the pass."
    sortable_by = ()
    fields = (
        *("serial_number", "wallet", "standing", "devices", "evidence", "holder", "of_credential"),
        *("offered_at", "installed_at", "removed_at", "voided_at", "value_key"),
    )
    readonly_fields = fields

    @admin.display(description="state")
    def standing(self, wallet_pass: WalletPass) -> SafeString:
        """Where it stands."""
        return pass_state(wallet_pass.state)

    @admin.display(description="last confirmed")
    def evidence(self, wallet_pass: WalletPass) -> str:
        """By what it is known to be in a wallet."""
        return evidence(wallet_pass)

    @admin.display(description="holder")
    def holder(self, wallet_pass: WalletPass) -> SafeString | str:
        """Who it was made for."""
        return link(wallet_pass.credential.person)

    @admin.display(description="credential")
    def of_credential(self, wallet_pass: WalletPass) -> SafeString | str:
        """What it delivers."""
        return link(wallet_pass.credential, wallet_pass.credential.public_id)

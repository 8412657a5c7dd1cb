"""The audit trail in the admin: read-only, newest first."""

from __future__ import annotations

import json

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from credentials.admin.badges import badge, link
from credentials.admin.rows import ReadOnlyAdmin
from credentials.models import Event

_TONES = {
    "added_to_wallet": "good",
    "resumed": "good",
    "enabled": "good",
    "recovered": "good",
    "suspended": "attention",
    "disabled": "attention",
    "removed_from_wallet": "attention",
    "expiring": "attention",
    "failing": "attention",
    "suspicious_activity": "bad",
    "revoked": "bad",
    "deleted": "bad",
    "expired": "over",
}


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    """What happened, in all accounts."""

    list_display = ("created_at", "what", "about_credential", "about_person", "actor", "account")
    list_display_links = ("created_at",)
    list_filter = ("type", "account")
    list_select_related = ("account", "credential", "person")
    search_fields = ("=public_id", "=credential__public_id", "=actor")
    search_help_text = "A whole id of an event or a credential, or an actor such as admin:ada."
    ordering = ("-pk",)
    sortable_by = ()
    fields = (
        *("public_id", "what", "created_at", "actor", "account"),
        *("about_credential", "sequence", "about_person", "written_data"),
    )
    readonly_fields = fields

    @admin.display(description="type")
    def what(self, event: Event) -> SafeString:
        """Its type, in the colour of its weight."""
        return event_type(event)

    @admin.display(description="credential")
    def about_credential(self, event: Event) -> SafeString | str:
        """The credential it is about."""
        return link(event.credential, event.credential.public_id if event.credential else "")

    @admin.display(description="person")
    def about_person(self, event: Event) -> SafeString | str:
        """The person it is about."""
        return link(event.person)

    @admin.display(description="data")
    def written_data(self, event: Event) -> SafeString:
        """What the event carries, as webhooks do."""
        return format_html("<pre>{}</pre>", json.dumps(event.data, indent=2, ensure_ascii=False))


def event_type(event: Event) -> SafeString:
    """The type of `event` as a badge, with the rule beside it that was broken."""
    shown = badge(event.type, _TONES.get(event.type.rpartition(".")[2], "waiting"))
    suspicion = event.data.get("suspicion")
    return format_html("{} {}", shown, suspicion["rule"].replace("_", " ")) if suspicion else shown

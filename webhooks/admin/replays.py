"""Replays and how far they have come; one is ordered on the page of its endpoint."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime
from django.http import HttpRequest
from django.utils.safestring import SafeString

from credentials.admin.badges import NOTHING, badge, link
from credentials.admin.orders import Order
from credentials.admin.records import RecordAdmin
from credentials.event_types import PUBLIC_EVENT_TYPES
from webhooks import replays
from webhooks.models import Endpoint, Replay, ReplayStatus
from webhooks.outbox import FANNED_OUT

_TONES = {
    ReplayStatus.RUNNING: "waiting",
    ReplayStatus.COMPLETED: "good",
    ReplayStatus.CANCELLED: "over",
}


class ReplayForm(forms.Form):
    """Which stretch of the past."""

    since = forms.SplitDateTimeField(widget=AdminSplitDateTime, help_text="In UTC.")
    until = forms.SplitDateTimeField(
        required=False, widget=AdminSplitDateTime, help_text="In UTC. Empty: until now."
    )
    types = forms.MultipleChoiceField(
        choices=[(str(name), str(name)) for name in PUBLIC_EVENT_TYPES if name in FANNED_OUT],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: every type that the endpoint hears.",
    )
    only_failed = forms.BooleanField(
        required=False,
        help_text="What was tried or called off, and has not arrived. Else also what has arrived, "
        "and what happened while the endpoint was disabled or did not exist.",
    )


REPLAY = Order[Endpoint](
    name="replay",
    label="Replay",
    question="What happened in this time is sent again under the same ids, as fast as the endpoint takes it.",
    done="The replay has begun.",
    carry_out=replays.start_replay,
    applies=lambda endpoint: endpoint.enabled,
    form=ReplayForm,
)
CANCEL = Order[Replay](
    name="cancel",
    label="Cancel",
    question="Nothing more is queued. What has been queued already is sent.",
    done="The replay is cancelled.",
    carry_out=replays.cancel_replay,
    applies=lambda replay: replay.status == ReplayStatus.RUNNING,
    is_grave=True,
    is_for_many=True,
)


@admin.register(Replay)
class ReplayAdmin(RecordAdmin[Replay]):
    """Replays to all endpoints, newest first."""

    orders = (CANCEL,)
    empty_list = "Open a webhook endpoint and order a replay."
    list_display = ("public_id", "to", "standing", "progress", "actor", "created_at")
    list_filter = ("status",)
    list_select_related = ("endpoint",)
    search_fields = ("=public_id", "=endpoint__public_id", "=actor")
    search_help_text = "A whole id of a replay or of an endpoint, or an actor such as admin:ada."
    ordering = ("-pk",)
    sortable_by = ()
    details = (
        (None, {"fields": ("public_id", "to", "standing", "progress", "actor", "created_at", "finished_at")}),
        ("What is sent again", {"fields": ("since", "until", "types", "only_failed", "about")}),
    )

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Also by endpoint, whose page leads here."""
        return lookup == "endpoint__id__exact" or super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A replay is ordered on the page of its endpoint."""
        return False

    @admin.display(description="endpoint")
    def to(self, replay: Replay) -> SafeString | str:
        """The way to its endpoint."""
        return link(replay.endpoint)

    @admin.display(description="status")
    def standing(self, replay: Replay) -> SafeString:
        """Whether it goes on."""
        return standing(replay)

    @admin.display(description="progress")
    def progress(self, replay: Replay) -> str:
        """How many events are queued, of how many."""
        return progress(replay)

    @admin.display(description="types")
    def types(self, replay: Replay) -> str:
        """Their names."""
        return ", ".join(replay.event_types)

    @admin.display(description="credential")
    def about(self, replay: Replay) -> SafeString | str:
        """The one credential that it is about."""
        return link(replay.credential)


def standing(replay: Replay) -> SafeString:
    """Whether `replay` goes on, as a badge."""
    status = ReplayStatus(replay.status)
    return badge(str(status.label), _TONES[status])


def progress(replay: Replay) -> str:
    """How far `replay` has come, in words."""
    if replay.total is None:
        return "not begun" if replay.status == ReplayStatus.RUNNING else NOTHING
    share = f" ({100 * replay.done // replay.total} %)" if replay.total else ""
    return f"{replay.done:,} of {replay.total:,}{share}"

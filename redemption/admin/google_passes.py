"""Google's side of passes in the admin: what Google has, is owed and has said."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from credentials.admin.badges import NOTHING, badge, link, pass_state
from credentials.admin.orders import Order
from credentials.admin.records import RecordAdmin
from credentials.admin.rows import ReadOnlyAdmin, WhetherFilter
from credentials.admin.subscriptable import TabularInline
from credentials.states import PassState
from redemption.google import reconciler, settling
from redemption.models import GoogleClass, GoogleMessage, GooglePass

TONES = {
    GoogleMessage.Status.PENDING: "waiting",
    GoogleMessage.Status.SETTLED: "good",
    GoogleMessage.Status.IGNORED: "over",
    GoogleMessage.Status.QUARANTINED: "bad",
}


def message_status(message: GoogleMessage) -> SafeString:
    """Who acts next on a message."""
    known = GoogleMessage.Status(message.status)
    return badge(str(known.label), TONES[known])


def patch_status(row: GoogleClass | GooglePass) -> SafeString:
    """Whether Google has what it is owed, and what it said the last time if not."""
    if row.patch_due_at is None:
        return badge("Done", "good")
    if not row.patch_error:
        return badge("Pending", "waiting")
    return format_html("{} {}", badge("Pending", "attention"), row.patch_error)


class MessageInline(TabularInline[GoogleMessage, Model]):
    """What Google said of a pass."""

    model = GoogleMessage
    fields = readonly_fields = ("received_at", "event_type", "standing", "remark")
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Google says it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Google said it."""
        return False

    @admin.display(description="status")
    def standing(self, message: GoogleMessage) -> SafeString:
        """Who acts next."""
        return message_status(message)


@admin.register(GoogleClass)
class GoogleClassAdmin(ReadOnlyAdmin[GoogleClass]):
    """What all cards of a credential type share; Google has a copy."""

    list_display = ("suffix", "credential_type", "issuer", "patch", "patched_at")
    list_filter = ("issuer", ("patch_due_at", WhetherFilter))
    list_select_related = ("issuer", "credential_type")
    search_fields = ("=suffix", "credential_type__label")
    ordering = ("-pk",)
    sortable_by = ()
    empty_list = "One appears for each credential type that is offered for Google Wallet."
    fields = readonly_fields = (
        *("class_id", "credential_type", "issuer", "sent_version"),
        *("patch", "patch_due_at", "patch_attempts", "patched_at"),
    )

    @admin.display(description="class id")
    def class_id(self, google_class: GoogleClass) -> str:
        """Google's name for it."""
        return google_class.class_id

    @admin.display(description="update")
    def patch(self, google_class: GoogleClass) -> SafeString:
        """Whether Google has it as it is now."""
        return patch_status(google_class)


ASK = Order[GooglePass](
    name="ask",
    label="Ask Google",
    question="Google is asked whether somebody has this pass, and its answer is made true here.",
    done="Google has answered.",
    carry_out=reconciler.look_now,
    applies=lambda google_pass: google_pass.wallet_pass.state != PassState.VOIDED,
)


@admin.register(GooglePass)
class GooglePassAdmin(RecordAdmin[GooglePass]):
    """The Google side of wallet passes: one object each."""

    orders = (ASK,)
    list_display = ("of_pass", "issuer", "standing", "patch", "users", "checked_at", "modified_at")
    list_filter = ("google_class__issuer", ("patch_due_at", WhetherFilter))
    list_select_related = ("google_class__issuer", "wallet_pass")
    search_fields = ("=wallet_pass__serial_number", "=wallet_pass__credential__public_id")
    search_help_text = "A whole serial number, or the id of a credential."
    ordering = ("-pk",)
    sortable_by = ()
    empty_list = "One appears when a holder asks for a pass for Google Wallet."
    details = (
        (None, {"fields": ("wallet_pass_link", "object_id", "google_class_link", "standing", "modified_at")}),
        ("Owed to Google", {"fields": ("patch", "patch_due_at", "patch_attempts", "patched_at")}),
        (
            "Known from Google",
            {"fields": ("users", "checked_at", "check_due_at", "saves", "removals")},
        ),
    )
    inlines = (MessageInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[GooglePass]:
        """Each with what its page names."""
        return super().get_queryset(request).select_related("google_class__issuer", "wallet_pass")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Holders ask for them."""
        return False

    @admin.display(description="serial number")
    def of_pass(self, google_pass: GooglePass) -> str:
        """Its name on both sides."""
        return google_pass.wallet_pass.serial_number

    @admin.display(description="object id")
    def object_id(self, google_pass: GooglePass) -> str:
        """Its name at Google."""
        return google_pass.object_id

    @admin.display(description="wallet pass")
    def wallet_pass_link(self, google_pass: GooglePass) -> SafeString | str:
        """What both wallets have in common."""
        return link(google_pass.wallet_pass, google_pass.wallet_pass.serial_number)

    @admin.display(description="Google class")
    def google_class_link(self, google_pass: GooglePass) -> SafeString | str:
        """What it shares with others of its type."""
        return link(google_pass.google_class)

    @admin.display(description="issuer")
    def issuer(self, google_pass: GooglePass) -> str:
        """Whose it is at Google."""
        return google_pass.google_class.issuer.issuer_id

    @admin.display(description="state")
    def standing(self, google_pass: GooglePass) -> SafeString:
        """Where it stands."""
        return pass_state(google_pass.wallet_pass.state)

    @admin.display(description="update")
    def patch(self, google_pass: GooglePass) -> SafeString:
        """Whether Google has it as it is now."""
        return patch_status(google_pass)

    @admin.display(description="in a wallet")
    def users(self, google_pass: GooglePass) -> SafeString | str:
        """What Google answered the last time."""
        if google_pass.has_users is None:
            return NOTHING
        return badge("Yes", "good") if google_pass.has_users else badge("No", "over")


LOOK_AGAIN = Order[GoogleMessage](
    name="look_again",
    label="Look again",
    question="The object is looked for once more, and the message settled if it is there now.",
    done="It is being looked at again.",
    carry_out=settling.look_again,
    applies=lambda message: message.status == GoogleMessage.Status.QUARANTINED,
    is_for_many=True,
)


@admin.register(GoogleMessage)
class GoogleMessageAdmin(RecordAdmin[GoogleMessage]):
    """What Google has said and proved; those in quarantine name objects that are not ours."""

    orders = (LOOK_AGAIN,)
    list_display = ("received_at", "event_type", "object_id", "issuer", "standing", "remark")
    list_filter = ("status", ("remark", WhetherFilter), "issuer")
    list_select_related = ("issuer",)
    search_fields = ("=google_pass__wallet_pass__serial_number",)
    search_help_text = "A whole serial number."
    ordering = ("-pk",)
    sortable_by = ()
    empty_list = "One appears when somebody saves or removes a card; callbacks name the issuer's URL."
    details = (
        (None, {"fields": ("event_type", "issuer", "object_id", "pass_link", "standing", "remark")}),
        ("Dates", {"fields": ("received_at", "expires_at", "due_at", "attempts", "settled_at")}),
        ("Message", {"fields": ("nonce", "class_id", "signed"), "classes": ["collapse"]}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Google says it."""
        return False

    @admin.display(description="Google pass")
    def pass_link(self, message: GoogleMessage) -> SafeString | str:
        """What it was counted for."""
        return link(message.google_pass)

    @admin.display(description="status")
    def standing(self, message: GoogleMessage) -> SafeString:
        """Who acts next."""
        return message_status(message)

    @admin.display(description="as it was signed")
    def signed(self, message: GoogleMessage) -> SafeString:
        """The JSON as it came."""
        return format_html("<pre>{}</pre>", message.body)

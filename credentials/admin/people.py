"""People in the admin."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from credentials import people
from credentials.admin.badges import badge, link, standing
from credentials.admin.mail_filter import LastMailOfPersonFilter
from credentials.admin.orders import Order, OrderAdmin
from credentials.admin.rows import actor
from credentials.admin.verbs import Columns, VerbForm
from credentials.models import Credential, Person
from credentials.states import LIVE

MOST_HELD_SHOWN = 50


class PersonForm(VerbForm[Person]):
    """A person as an admin writes them."""

    class Meta:
        model = Person
        fields = (
            *("account", "first_name", "last_name", "email", "language", "system_id"),
            *("enabled", "valid_from", "valid_to"),
        )
        help_texts = {
            "language": "Of mails. Empty: the account's.",
            "system_id": "What the integrator's own system calls them.",
            "enabled": "Passes of a person who is not enabled are suspended.",
        }


DISABLE = Order[Person](
    name="disable",
    label="Disable",
    question="All passes of this person are suspended until the person is enabled again.",
    done="The person is disabled.",
    carry_out=partial(people.update_person, enabled=False),
    applies=lambda person: person.enabled,
    is_for_many=True,
)
ENABLE = Order[Person](
    name="enable",
    label="Enable",
    question="The passes of this person work again, but for those that are suspended themselves.",
    done="The person is enabled.",
    carry_out=partial(people.update_person, enabled=True),
    applies=lambda person: not person.enabled,
    is_for_many=True,
)


class PresenceFilter(admin.SimpleListFilter):
    """People who are there, unless the deleted ones are asked for."""

    title = "presence"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """What can be asked for."""
        return [("yes", "Deleted")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """The same with its default by its name, where Django would say "all"."""
        default, *others = super().choices(changelist)
        yield {**default, "display": "Present"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Person]) -> QuerySet[Person]:
        """One or the other."""
        return queryset.filter(deleted_at__isnull=self.value() != "yes")


@admin.register(Person)
class PersonAdmin(OrderAdmin[Person]):
    """The holders of credentials, of all accounts."""

    form = PersonForm
    change_form_template = "admin/credentials/person/change_form.html"
    list_display = ("__str__", "email", "system_id", "account", "standing", "created_at")
    list_filter = ("account", "enabled", LastMailOfPersonFilter, PresenceFilter)
    list_select_related = ("account",)
    search_fields = ("^first_name", "^last_name", "^email", "=system_id")
    search_help_text = "The beginning of a name or of an e-mail address, or a whole system id."
    ordering = ("-pk",)
    empty_list = "Add the first person, or let a program add them over the API."
    sortable_by = ()
    orders = (DISABLE, ENABLE)

    def get_fieldsets(self, request: HttpRequest, obj: Person | None = None) -> Any:
        """The account first, while it can be chosen."""
        who = ("account", "first_name", "last_name", "email", "language", "system_id")
        return ((None, {"fields": who}), ("Use of passes", {"fields": ("enabled", "valid_from", "valid_to")}))

    def get_readonly_fields(self, request: HttpRequest, obj: Person | None = None) -> tuple[str, ...]:
        """Nobody moves to another account."""
        return ("account",) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:
        """Of a deleted person nothing is left to change."""
        return super().has_change_permission(request, obj) and (obj is None or obj.deleted_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:
        """One at a time, and once: there is no way back."""
        may = request.user.has_perm("credentials.delete_person")
        return may and obj is not None and obj.deleted_at is None

    def create(self, columns: Columns, *, actor: str) -> Person:
        """A new person."""
        return people.create_person(actor=actor, **columns)

    def update(self, row: Person, *, columns: Columns, actor: str) -> Person:
        """What is named is changed."""
        return people.update_person(row, actor=actor, **columns)

    def delete_model(self, request: HttpRequest, obj: Person) -> None:
        """Revokes what they hold and erases what we know of them."""
        people.delete_person(obj, actor=actor(request))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What the confirmation lists: the credentials that will be revoked."""
        held = Credential.objects.filter(person__in=objs, state__in=LIVE).select_related("credential_type")
        return [f"{credential.credential_type}, {credential}" for credential in held], {}, set(), []

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form, with what the person holds below it."""
        person = self.get_object(request, object_id)
        context = {
            "held": _held(person) if person else [],
            "may_issue": request.user.has_perm("credentials.add_credential"),
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def log_addition(self, request: HttpRequest, obj: Person, message: Any) -> LogEntry:
        """As Django does, without the name: the log outlives the right to know it."""
        return super().log_addition(request, _nameless(obj), message)

    def log_change(self, request: HttpRequest, obj: Person, message: Any) -> LogEntry:
        """As Django does, without the name."""
        return super().log_change(request, _nameless(obj), message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """As Django does, without the name."""
        nameless: Any = [_nameless(person) for person in queryset]
        return super().log_deletions(request, nameless)

    @admin.display(description="status")
    def standing(self, person: Person) -> SafeString:
        """Whether their passes work now."""
        if person.deleted_at is not None:
            return badge("Deleted", "over")
        if not person.enabled:
            return badge("Disabled", "attention")
        return (
            badge("Enabled", "good")
            if person.may_use_passes(timezone.now())
            else badge("Not valid now", "waiting")
        )


def _held(person: Person) -> list[dict[str, Any]]:
    now = timezone.now()
    held = person.credentials.select_related("person", "credential_type").order_by("-pk")[:MOST_HELD_SHOWN]
    return [
        {"credential": row, "link": link(row, row.public_id), "standing": standing(row, now=now)}
        for row in held
    ]


def _nameless(person: Person) -> Person:
    return Person(pk=person.pk)

"""Imports of people in the admin: a file is checked when it is uploaded, and taken in when ordered."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from credentials import people_imports
from credentials.admin.badges import NOTHING, badge
from credentials.admin.orders import Order
from credentials.admin.records import RecordAdmin
from credentials.admin.verbs import Columns, VerbForm
from credentials.models import PeopleImport
from credentials.people_csv import COLUMNS, MOST_BYTES, MOST_PEOPLE, REQUIRED_COLUMNS, SAMPLE
from credentials.spreadsheets import write_table

Status = PeopleImport.Status

# After so many seconds the page of a running import comes again, unless it was told to stay.
REFRESH_SECONDS = 5

_TONES = {
    Status.CHECKED: "attention",
    Status.RUNNING: "waiting",
    Status.DONE: "good",
    Status.CANCELLED: "over",
}

_FILE_HELP = format_html(
    "CSV in UTF-8 with commas, semicolons or tabs; at most {people} people and {size} MB. The first row "
    "names the columns, in any order: {columns}. Only {required} are needed. A row changes the person with "
    "its system_id, or else with its e-mail address, and makes one when there is none. What the file has no "
    "column for stays as it is; an empty cell empties, but leaves system_id and enabled (yes or no) alone. "
    "Nothing changes before you have seen what would become of each row. An example:<pre>{sample}</pre>",
    people=f"{MOST_PEOPLE:,}",
    size=MOST_BYTES // 1_000_000,
    required=" and ".join(REQUIRED_COLUMNS),
    columns=", ".join(COLUMNS),
    sample=SAMPLE,
)


class PeopleImportForm(VerbForm[PeopleImport]):
    """Which people, and whose."""

    file = forms.FileField(
        help_text=_FILE_HELP, widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt"})
    )

    class Meta:
        model = PeopleImport
        fields = ("account",)


IMPORT = Order[PeopleImport](
    name="import",
    label="Import",
    question="The people of this file are made and changed as its check says. Nobody gets a credential.",
    done="The import has begun.",
    carry_out=people_imports.start,
    applies=lambda people_import: people_import.status == Status.CHECKED,
)
CANCEL = Order[PeopleImport](
    name="cancel",
    label="Cancel",
    question="Nobody more is taken in, and the file is forgotten. Who has been taken in stays.",
    done="The import is cancelled.",
    carry_out=people_imports.cancel,
    applies=lambda people_import: people_import.status in (Status.CHECKED, Status.RUNNING),
    is_grave=True,
)


@admin.register(PeopleImport)
class PeopleImportAdmin(RecordAdmin[PeopleImport]):
    """Imports into all accounts, newest first."""

    form = PeopleImportForm
    change_form_template = "admin/credentials/peopleimport/change_form.html"
    orders = (IMPORT, CANCEL)
    add_title = "Import people"
    empty_list = "Upload a file of people; nothing is changed before you have seen its check."
    list_display = ("public_id", "account", "file_name", "standing", "progress", "actor", "created_at")
    list_filter = ("status", "account")
    list_select_related = ("account",)
    search_fields = ("=public_id", "=actor", "^file_name")
    ordering = ("-pk",)
    sortable_by = ()
    details = (
        (None, {"fields": ("public_id", "account", "file_name", "standing", "progress")}),
        ("Rows", {"fields": ("rows", "created", "updated", "unchanged", "refused")}),
        ("Who and when", {"fields": ("actor", "created_at", "finished_at")}),
    )

    def get_urls(self) -> list[URLPattern]:
        """One address more: the file of what was refused."""
        view = self.admin_site.admin_view(self.refused_view)
        name = "credentials_peopleimport_refused"
        return [path("<path:object_id>/refused.csv", view, name=name), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PeopleImport]:
        """Without their files, which may be large, and which nothing here shows."""
        return super().get_queryset(request).defer("content")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """For those who may make and change people one by one."""
        return request.user.has_perms(("credentials.add_person", "credentials.change_person"))

    def has_change_permission(self, request: HttpRequest, obj: PeopleImport | None = None) -> bool:
        """For the same."""
        return self.has_add_permission(request)

    def create(self, columns: Columns, *, actor: str) -> PeopleImport:
        """The file as it was checked."""
        file = columns["file"]
        content = file.read(MOST_BYTES + 1)
        return people_imports.check_file(
            columns["account"], file_name=file.name, content=content, actor=actor
        )

    def response_add(
        self, request: HttpRequest, obj: PeopleImport, post_url_continue: str | None = None
    ) -> HttpResponse:
        """On to what the check has found."""
        self.message_user(request, "The file is checked.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:credentials_peopleimport_change", args=[obj.pk]))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What it is; while it is running, the page follows it without a script."""
        people_import = self.get_object(request, object_id)
        is_running = people_import is not None and people_import.status == Status.RUNNING
        follows = is_running and request.GET.get("refresh") != "no"
        answer = super().change_view(
            request, object_id, form_url, {"follows": follows, **(extra_context or {})}
        )
        if follows:
            answer["Refresh"] = str(REFRESH_SECONDS)
        return answer

    def refused_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """All refused rows, to be opened next to the file."""
        people_import = self.get_object(request, object_id)
        if people_import is None:
            raise Http404
        if not self.has_view_or_change_permission(request, people_import):
            raise PermissionDenied
        name = f"refused-{people_import.public_id}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        answer = HttpResponse(content_type="text/csv; charset=utf-8", headers=headers)
        refused = people_import.refused_rows.values_list("row", "field", "message")
        write_table(answer, header=("row", "column", "why"), rows=refused.iterator())
        return answer

    @admin.display(description="status")
    def standing(self, people_import: PeopleImport) -> SafeString:
        """Who acts next."""
        status = Status(people_import.status)
        return badge(str(status.label), _TONES[status])

    @admin.display(description="progress")
    def progress(self, people_import: PeopleImport) -> str:
        """How many rows are worked through, of how many."""
        if people_import.status == Status.CHECKED:
            return NOTHING
        done, rows = people_import.rows_done, people_import.rows
        return f"{done:,} of {rows:,} ({100 * done // rows} %)"

"""Imports of people in the admin: uploaded, checked, ordered, followed and cancelled by those who may."""

from __future__ import annotations

import csv
import html
import io
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from credentials import people_imports
from credentials.models import Account, Event, PeopleImport, Person
from credentials.people_csv import MOST_BYTES, SAMPLE
from credentials.spreadsheets import write_table
from tests.admin.conftest import Staff
from tests.credentials.csv_files import check, many, started, written

LIST = "/admin/credentials/peopleimport/"
ADD = f"{LIST}add/"


def page(people_import: PeopleImport) -> str:
    """Where an import is shown."""
    return reverse("admin:credentials_peopleimport_change", args=[people_import.pk])


def order(people_import: PeopleImport, name: str) -> str:
    """Where an order is given."""
    return reverse("admin:credentials_peopleimport_order", args=[people_import.pk, name])


def upload(client: Client, account: Account, content: bytes) -> Any:
    """The form as a browser sends it."""
    file = SimpleUploadedFile("members.csv", content, content_type="text/csv")
    return client.post(ADD, {"account": account.pk, "file": file}, follow=True)


def shown(response: Any) -> str:
    """What a browser shows of the page, markup included."""
    return html.unescape(str(response.content.decode()))


def test_a_file_is_checked_first_and_changes_nobody(acme: Account, globex: Account, root: Client) -> None:
    assert SAMPLE.splitlines()[1] in shown(root.get(ADD))
    text = shown(upload(root, acme, written("Ada,Lovelace,ada@example.org,m-1", "=cmd,<b>,nonsense,m-2")))
    assert "Nothing has been changed yet." in text
    assert "<td>3</td><td>email</td><td>Enter a valid email address.</td>" in text
    people_import = PeopleImport.objects.get()
    assert (people_import.account, people_import.actor) == (acme, "admin:root")
    assert (people_import.file_name, people_import.created, people_import.refused) == ("members.csv", 1, 1)
    assert order(people_import, "import") in text
    assert not Person.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("first_name,last_name\nZoë,Müller\n".encode("latin-1"), "This file is not in UTF-8: see line 2."),
        (b"first_name,last_name,phone\nAda,Lovelace,1\n", "columns that are not known: “phone”."),
        (b"first_name,last_name\n" + b"\n" * MOST_BYTES, "A file has at most 5 MB."),
        (b"", "The submitted file is empty."),
    ],
)
def test_what_is_wrong_with_a_file_stands_next_to_it(
    acme: Account, root: Client, content: bytes, said: str
) -> None:
    response = upload(root, acme, content)
    assert said in response.context["adminform"].form.errors["file"][0]
    assert said in shown(response)
    assert not PeopleImport.objects.exists()
    assert not LogEntry.objects.exists()


def test_an_import_is_ordered_and_followed(acme: Account, root: Client) -> None:
    people_import = check(acme, many(2))
    question = root.get(order(people_import, "import"))
    assert "Nobody gets a credential" in shown(question)
    people_import.refresh_from_db()
    assert people_import.status == "checked"
    running = shown(root.post(order(people_import, "import"), follow=True))
    assert "The import has begun." in running
    assert "0 of 2 (0 %)" in running
    assert root.get(page(people_import))["Refresh"] == "5"
    assert '<a href="?refresh=no">Stop refreshing</a>' in running
    staying = root.get(page(people_import), {"refresh": "no"})
    assert "Refresh" not in staying
    assert '<a href="?">Refresh</a>' in shown(staying)
    people_imports.import_due()
    assert "Refresh" not in root.get(page(people_import))
    done = shown(root.get(page(people_import)))
    assert "2 of 2 (100 %)" in done
    assert "Refresh" not in done
    assert "/order/" not in done
    assert "2 of 2 (100 %)" in shown(root.get(LIST))
    assert {*Event.objects.values_list("type", "actor")} == {
        ("person.created", "admin:root"),
        ("people.imported", "admin:root"),
    }


def test_all_that_was_refused_is_a_file(acme: Account, root: Client, staff: Staff) -> None:
    lines = [f"Ada{number},,," for number in range(300)]
    people_import = started(acme, written(*lines, "Eve,Moore,nonsense,m-1"))
    people_imports.import_due()
    people_import.refresh_from_db()
    assert (people_import.refused, len(people_import.refusals)) == (301, 200)
    address = reverse("admin:credentials_peopleimport_refused", args=[people_import.pk])
    text = shown(root.get(page(people_import)))
    assert "These are the first." in text
    assert address in text
    answer = root.get(address)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith("attachment;")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[:2] == [["row", "column", "why"], ["2", "last_name", "This field may not be blank."]]
    assert rows[-1] == ["302", "email", "Enter a valid email address."]
    assert len(rows) == 302
    assert staff("view_person").get(address).status_code == 403
    assert root.get(address.replace(str(people_import.pk), "999999")).status_code == 404


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_no_cell_of_a_file_is_a_formula(cell: str) -> None:
    file = io.StringIO(newline="")
    write_table(file, header=["why"], rows=[[cell], ["a=1"], [7]])
    assert list(csv.reader(io.StringIO(file.getvalue(), newline="")))[1:] == [[f"'{cell}"], ["a=1"], ["7"]]


def test_an_import_is_cancelled(acme: Account, root: Client) -> None:
    for people_import in (check(acme, many(1)), started(acme, many(1))):
        assert order(people_import, "cancel") in shown(root.get(page(people_import)))
        root.post(order(people_import, "cancel"))
        people_import.refresh_from_db()
        assert people_import.status == "cancelled"
    people_imports.import_due()
    assert not Person.objects.exists()


def test_a_second_import_at_once_is_refused(acme: Account, root: Client) -> None:
    started(acme, many(1))
    second = check(acme, many(1))
    response = root.post(order(second, "import"), follow=True)
    assert "Another import into this account is running" in shown(response)
    second.refresh_from_db()
    assert second.status == "checked"


def test_an_import_cannot_be_typed_over(acme: Account, root: Client) -> None:
    people_import = started(acme, many(1))
    assert root.post(page(people_import), {"status": "done"}).status_code == 405
    people_import.refresh_from_db()
    assert people_import.status == "running"


def test_those_who_may_make_and_change_people_import_them(acme: Account, staff: Staff) -> None:
    clerk = staff("add_person", "change_person")
    assert "members.csv" in shown(upload(clerk, acme, many(1)))
    people_import = PeopleImport.objects.get()
    clerk.post(order(people_import, "import"))
    people_imports.import_due()
    assert Event.objects.earliest("pk").actor == "admin:clerk"


def test_the_list_of_people_leads_to_it(acme: Account, root: Client, staff: Staff) -> None:
    people = reverse("admin:credentials_person_changelist")
    assert ADD in shown(root.get(people)).partition('id="content"')[2]
    assert ADD not in shown(staff("add_person", "view_person").get(people))


@pytest.mark.parametrize(
    "permissions",
    [
        ("add_person",),
        ("change_person", "view_peopleimport"),
        ("add_peopleimport", "change_peopleimport", "view_peopleimport"),
    ],
)
def test_nobody_else_does(acme: Account, staff: Staff, permissions: tuple[str, ...]) -> None:
    clerk, people_import = staff(*permissions), check(acme, many(1))
    assert clerk.get(ADD).status_code == 403
    assert upload(clerk, acme, many(1)).status_code == 403
    for name in ("import", "cancel"):
        assert clerk.post(order(people_import, name)).status_code == 403
    people_import.refresh_from_db()
    assert people_import.status == "checked"
    assert PeopleImport.objects.count() == 1

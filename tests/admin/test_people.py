"""People are made, changed and deleted through their verbs; no trace of their names stays behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from credentials import lifecycle
from credentials.models import Account, Event, Person
from credentials.states import State
from tests import factories
from tests.admin.conftest import Staff

LIST = "/admin/credentials/person/"
ADD = f"{LIST}add/"


def page(person: Person, name: str = "change") -> str:
    """Where a person is shown, or deleted."""
    return reverse(f"admin:credentials_person_{name}", args=[person.pk])


def order(person: Person, name: str) -> str:
    """Where an order is given."""
    return reverse("admin:credentials_person_order", args=[person.pk, name])


def written(account: Account, **columns: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    default = {"first_name": "Grace", "last_name": "Hopper", "email": "grace@example.org", "system_id": "7"}
    return {"account": account.pk, **default, "enabled": "on", **columns}


def events() -> list[tuple[str, str]]:
    """What happened and by whom."""
    return list(Event.objects.order_by("pk").values_list("type", "actor"))


def test_a_person_is_made(acme: Account, root: Client) -> None:
    response = root.post(ADD, written(acme), follow=True)
    assert "Grace Hopper" in response.content.decode()
    person = Person.objects.get()
    assert (person.account, person.email, person.system_id, person.enabled) == (
        acme,
        "grace@example.org",
        "7",
        True,
    )
    assert events() == [("person.created", "admin:root")]


@pytest.mark.parametrize(
    ("columns", "field", "sentence"),
    [
        ({"email": "ADA@example.org"}, "email", "This e-mail address has already been taken."),
        ({"system_id": "m-1"}, "system_id", "This system_id has already been taken."),
        ({"email": "not an address"}, "email", "Enter a valid email address."),
        ({"first_name": ""}, "first_name", "This field is required."),
        ({"last_name": "x" * 101}, "last_name", "Ensure this value has at most 100 characters"),
        ({"first_name": "A\x00da"}, "first_name", "Null characters are not allowed."),
        ({"first_name": "A\u202eda"}, "first_name", "This holds the control character U+202E."),
        (
            {
                "valid_from_0": "2031-01-01",
                "valid_from_1": "0:00",
                "valid_to_0": "2030-01-01",
                "valid_to_1": "0:00",
            },
            "valid_to",
            "This must be later than valid_from.",
        ),
    ],
)
def test_what_is_refused_stands_next_to_its_field(
    columns: dict[str, str], field: str, sentence: str, acme: Account, root: Client
) -> None:
    other = factories.person(acme, email="ada@example.org", system_id="m-1")
    for address in (ADD, page(factories.person(acme))):
        response = root.post(address, written(acme, **columns))
        assert response.status_code == 200
        (told,) = response.context["adminform"].form.errors[field]
        assert sentence in told
        assert told.encode() in response.content.replace(b"&#x27;", b"'")
    assert Person.objects.exclude(pk=other.pk).get().first_name == "Ada"
    assert events() == []
    assert not LogEntry.objects.exists()


def test_a_change_names_what_changed(acme: Account, globex: Account, root: Client) -> None:
    person = factories.person(
        acme, first_name="Grace", last_name="Hopper", email="grace@example.org", system_id="7"
    )
    root.post(page(person), written(globex, last_name="Murray"))
    person.refresh_from_db()
    assert (person.last_name, person.account) == ("Murray", acme)
    assert events() == [("person.updated", "admin:root")]
    assert Event.objects.get().data == {"changed": ["last_name"]}
    assert "Last name" in LogEntry.objects.get().change_message


def test_saving_without_a_change_is_no_event(acme: Account, root: Client) -> None:
    person = factories.person(
        acme, first_name="Grace", last_name="Hopper", email="grace@example.org", system_id="7"
    )
    root.post(page(person), written(acme))
    assert events() == []


def test_people_are_disabled_and_enabled(acme: Account, root: Client) -> None:
    person = factories.person(acme)
    assert order(person, "disable").encode() in root.get(page(person)).content
    root.post(order(person, "disable"))
    person.refresh_from_db()
    assert not person.enabled
    assert order(person, "enable").encode() in root.get(page(person)).content
    root.post(LIST, {"action": "enable", "_selected_action": [person.pk], "confirmed": "yes"})
    person.refresh_from_db()
    assert person.enabled
    assert events() == [("person.disabled", "admin:root"), ("person.enabled", "admin:root")]


def test_lists_say_whose_passes_work(acme: Account, root: Client) -> None:
    now = timezone.now()
    factories.person(acme)
    factories.person(acme, enabled=False)
    factories.person(acme, valid_to=now - timedelta(days=1))
    shown = root.get(LIST).content.decode()
    assert [shown.count(f">{words}</span>") for words in ("Enabled", "Disabled", "Not valid now")] == [
        1,
        1,
        1,
    ]


def test_what_a_person_holds_is_on_their_page(acme: Account, root: Client) -> None:
    person = factories.person(acme)
    assert "No credential has been issued" in root.get(page(person)).content.decode()
    credential = factories.credential(acme, holder=person)
    shown = root.get(page(person)).content.decode()
    assert credential.public_id in shown
    assert f"/admin/credentials/credential/add/?person={person.pk}" in shown


def test_a_deleted_person_is_gone_with_everything_they_held(acme: Account, root: Client) -> None:
    person = factories.person(acme)
    live, ended = factories.credential(acme, holder=person), factories.credential(acme, holder=person)
    lifecycle.revoke(ended, actor="test")
    question = root.get(page(person, "delete")).content.decode()
    assert str(live) in question
    assert str(ended) not in question
    live.refresh_from_db()
    assert live.state == State.INVITED
    root.post(page(person, "delete"), {"post": "yes"})
    live.refresh_from_db()
    person.refresh_from_db()
    assert live.state == State.REVOKED
    assert (person.first_name, person.email) == ("", "")
    assert events()[-2:] == [("credential.revoked", "admin:root"), ("person.deleted", "admin:root")]


def test_the_log_of_the_admin_never_holds_a_name(acme: Account, root: Client) -> None:
    root.post(ADD, written(acme))
    person = Person.objects.get()
    root.post(page(person), written(acme, last_name="Murray"))
    root.post(order(person, "disable"))
    root.post(page(person, "delete"), {"post": "yes"})
    entries = LogEntry.objects.all()
    assert {entry.object_repr for entry in entries} == {f"person {person.pk}"}
    assert len(entries) == 4
    assert not any("Grace" in entry.change_message for entry in entries)


def test_of_a_deleted_person_nothing_can_be_changed(acme: Account, root: Client) -> None:
    person = factories.person(acme)
    root.post(page(person, "delete"), {"post": "yes"})
    before = events()
    assert b'name="_save"' not in root.get(page(person)).content
    assert root.post(page(person), written(acme)).status_code == 403
    assert root.get(page(person, "delete")).status_code == 403
    assert root.post(order(person, "enable")).status_code == 403
    assert events() == before


def test_deleted_people_are_listed_when_asked_for(acme: Account, root: Client) -> None:
    gone, here = factories.person(acme), factories.person(acme)
    root.post(page(gone, "delete"), {"post": "yes"})
    assert page(gone) not in root.get(LIST).content.decode()
    deleted = root.get(LIST, {"deleted": "yes"}).content.decode()
    assert page(gone) in deleted
    assert page(here) not in deleted


def test_people_are_never_deleted_in_bulk(acme: Account, root: Client) -> None:
    person = factories.person(acme)
    assert b"delete_selected" not in root.get(LIST).content
    root.post(LIST, {"action": "delete_selected", "_selected_action": [person.pk], "post": "yes"})
    person.refresh_from_db()
    assert person.deleted_at is None


def test_deleting_needs_its_permission(acme: Account, staff: Staff) -> None:
    person = factories.person(acme)
    clerk = staff("view_person", "change_person")
    assert b"deletelink" not in clerk.get(page(person)).content
    assert clerk.post(page(person, "delete"), {"post": "yes"}).status_code == 403
    person.refresh_from_db()
    assert person.deleted_at is None


def test_issuing_is_offered_to_those_who_may(acme: Account, staff: Staff) -> None:
    person = factories.person(acme)
    clerk = staff("view_person", "change_person")
    assert b"credential/add/" not in clerk.get(page(person)).content
    assert clerk.get("/admin/credentials/credential/add/").status_code == 403

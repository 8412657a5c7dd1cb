"""`GET /people`: its filters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from credentials.models import Account, Person
from tests import factories
from tests.callers import Caller


def found(caller: Caller, **query: str) -> list[int]:
    return [person["id"] for person in caller.get(f"people?{urlencode(query)}").json()]


def test_the_whole_address_is_compared_in_any_case(caller: Caller, acme: Account, globex: Account) -> None:
    ada = factories.person(acme, email="Ada@Example.org")
    factories.person(acme, email="ada@example.org.uk")
    factories.person(acme, email="")
    factories.person(globex, email="ada@example.org")
    assert found(caller, email="aDA@eXAMPLE.oRG") == [ada.pk]
    assert found(caller, email="ada") == []
    assert found(caller, email="%") == []


def test_the_system_id_is_compared_exactly(caller: Caller, acme: Account, globex: Account) -> None:
    ada = factories.person(acme, system_id="A-1")
    factories.person(acme, system_id="A-10")
    factories.person(globex, system_id="A-1")
    assert found(caller, system_id="A-1") == [ada.pk]
    assert found(caller, system_id="a-1") == []


@pytest.mark.parametrize("name", ["since", "since_utc"])
def test_since_finds_what_has_changed_at_that_time_or_later(caller: Caller, acme: Account, name: str) -> None:
    old, new = factories.person(acme), factories.person(acme)
    Person.objects.filter(pk=old.pk).update(updated_at=timezone.now() - timedelta(days=2))
    shown = caller.get(f"people/{new.pk}").json()["updated_at"]
    assert found(caller, **{name: shown}) == [new.pk]
    assert found(caller, **{name: (timezone.now() - timedelta(days=3)).isoformat()}) == [old.pk, new.pk]
    assert found(caller, **{name: "2999-01-01T00:00:00"}) == []


def test_a_time_without_a_zone_is_utc(caller: Caller, acme: Account) -> None:
    person = factories.person(acme)
    Person.objects.filter(pk=person.pk).update(updated_at="2026-03-01T12:00:00Z")
    assert found(caller, since="2026-03-01T12:00:00") == [person.pk]
    assert found(caller, since="2026-03-01T12:00:01") == []
    assert found(caller, since="2026-03-01T12:00:01+01:00") == [person.pk]


def test_filters_work_together(caller: Caller, acme: Account) -> None:
    ada = factories.person(acme, email="ada@example.org", system_id="1")
    assert found(caller, email="ada@example.org", system_id="1") == [ada.pk]
    assert found(caller, email="ada@example.org", system_id="2") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=yesterday", "since"),
        ("since=", "since"),
        ("since=2026-02-30", "since"),
        ("since_utc=%00", "since_utc"),
        ("email=", "email"),
        ("email=%00", "email"),
        ("email=" + "a" * 300, "email"),
        ("system_id=", "system_id"),
        ("system_id=a%00", "system_id"),
        ("system_id=" + "a" * 300, "system_id"),
    ],
)
def test_a_bad_value_is_named(caller: Caller, query: str, field: str) -> None:
    answer = caller.get(f"people?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {field}


def test_an_unknown_filter_is_ignored(caller: Caller, acme: Account) -> None:
    person = factories.person(acme)
    assert found(caller, department="7", format="csv") == [person.pk]


@pytest.mark.parametrize("count", [1, 20])
def test_a_list_takes_three_queries(
    caller: Caller, acme: Account, django_assert_num_queries: Any, count: int
) -> None:
    for _ in range(count):
        factories.person(acme)
    caller.get("people")
    # The key, the count, the rows.
    with django_assert_num_queries(3):
        assert len(caller.get("people").json()) == count

"""Lists: bare arrays, bounded pages, and headers that say where one stands."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from credentials.api import pagination
from credentials.models import Account, Person
from tests.callers import Caller


def add_people(account: Account, count: int) -> list[int]:
    people = [Person(account=account, first_name="P", last_name=str(number)) for number in range(count)]
    return [person.pk for person in Person.objects.bulk_create(people)]


def links(header: str) -> dict[str, str]:
    return {relation: url for url, relation in re.findall(r'<([^>]+)>; rel="(\w+)"', header)}


def test_a_page_has_fifty_results_by_default(caller: Caller, acme: Account) -> None:
    ids = add_people(acme, 51)
    answer = caller.get("people")
    assert [person["id"] for person in answer.json()] == ids[:50]
    assert (answer["X-Page"], answer["X-Per-Page"], answer["X-Total-Results"]) == ("1", "50", "51")


def test_the_links_lead_through_every_result_once(caller: Caller, acme: Account) -> None:
    ids = add_people(acme, 7)
    seen, url = [], "/api/v3/people?per_page=3"
    while url:
        answer = caller.client.get(url, headers={"Authorization": f"Bearer {caller.key}"})
        seen += [person["id"] for person in answer.json()]
        url = links(answer["Link"]).get("next", "")
    assert seen == ids


def test_the_links_keep_the_filters_and_name_all_relations(caller: Caller, acme: Account) -> None:
    add_people(acme, 7)
    answer = caller.get("people?per_page=2&page=2&since=2020-01-01T00:00:00%2B02:00")
    found = {relation: parse_qs(urlsplit(url).query) for relation, url in links(answer["Link"]).items()}
    assert {relation: query["page"] for relation, query in found.items()} == {
        "first": ["1"],
        "prev": ["1"],
        "next": ["3"],
        "last": ["4"],
    }
    for query in found.values():
        assert query["since"] == ["2020-01-01T00:00:00+02:00"]
        assert query["per_page"] == ["2"]


def test_an_empty_list_is_an_empty_array(caller: Caller) -> None:
    answer = caller.get("people")
    assert answer.json() == []
    assert answer["X-Total-Results"] == "0"
    assert links(answer["Link"]).keys() == {"first", "last"}


def test_a_page_after_the_last_is_empty(caller: Caller, acme: Account) -> None:
    add_people(acme, 3)
    answer = caller.get("people?page=9")
    assert (answer.status_code, answer.json()) == (200, [])
    assert answer["X-Total-Results"] == "3"


def test_everything_may_be_asked_for_at_once(caller: Caller, acme: Account) -> None:
    ids = add_people(acme, 120)
    answer = caller.get("people?skip_pagination=true")
    assert [person["id"] for person in answer.json()] == ids
    assert answer["X-Per-Page"] == "120"


def test_what_is_too_much_at_once_is_refused_and_not_cut(
    caller: Caller, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "MAX_UNPAGED", 3)
    add_people(acme, 4)
    answer = caller.get("people?skip_pagination=true")
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {"skip_pagination"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=one", "page"),
        ("page=", "page"),
        (f"page={2**63}", "page"),
        ("page=%00", "page"),
        ("per_page=0", "per_page"),
        ("per_page=101", "per_page"),
        ("per_page=1.5", "per_page"),
        (f"per_page={'9' * 5000}", "per_page"),
        ("skip_pagination=perhaps", "skip_pagination"),
    ],
)
@pytest.mark.parametrize("path", ["people", "credentials", "credential_types"])
def test_a_bad_value_is_named(caller: Caller, path: str, query: str, field: str) -> None:
    answer = caller.get(f"{path}?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {field}


def test_both_prefixes_answer_alike(caller: Caller, acme: Account) -> None:
    add_people(acme, 3)
    other = Caller(caller.key, prefix="/api/3/")
    assert other.get("people").json() == caller.get("people").json()
    assert links(other.get("people?per_page=1")["Link"])["next"].startswith("http://testserver/api/3/people?")

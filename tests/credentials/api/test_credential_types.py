"""`GET /credential_types`."""

from __future__ import annotations

from credentials.models import Account
from tests import factories
from tests.callers import Caller


def test_the_types_of_the_account_are_listed(caller: Caller, acme: Account, globex: Account) -> None:
    members = factories.credential_type(acme, label="Membership", slug="membership", code=14)
    guests = factories.credential_type(acme, label="Guest", slug="guest")
    factories.credential_type(globex)
    answer = caller.get("credential_types")
    assert answer.status_code == 200
    assert answer.json() == [
        {"id": members.pk, "label": "Membership", "slug": "membership", "code": 14},
        {"id": guests.pk, "label": "Guest", "slug": "guest", "code": None},
    ]


def test_they_come_in_pages(caller: Caller, acme: Account) -> None:
    kinds = [factories.credential_type(acme) for _ in range(3)]
    answer = caller.get("credential_types?per_page=2&page=2")
    assert [kind["id"] for kind in answer.json()] == [kinds[2].pk]
    assert answer["X-Total-Results"] == "3"


def test_they_are_not_made_over_the_api(caller: Caller) -> None:
    answer = caller.post("credential_types", {"label": "Guest"})
    assert answer.status_code == 405
    assert "GET" in answer["Allow"]

"""Who may call what: a row for every method of every route of the API, and four callers for every row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from credentials.models import Account, Credential, Event
from credentials.scopes import Scope
from tests import factories
from tests.callers import Caller
from webhooks.endpoints import create_endpoint, send_test
from webhooks.models import Endpoint, Replay
from webhooks.replays import cancel_replay, start_replay

# What the right key gets, and what the key of another account gets for the same call: 404, an empty list or
# trail, a row of its own, or 422 because the body names what it does not have.
TABLE = """
GET    people                                              account.person.readonly           200  []
POST   people                                              account.person                    201  own
GET    people/{person_id}                                  account.person.readonly           200  404
PUT    people/{person_id}                                  account.person                    200  404
PATCH  people/{person_id}                                  account.person                    200  404
DELETE people/{person_id}                                  account.person                    200  404
GET    people/{person_id}/credentials                      account.person.readonly           200  404
POST   people/{person_id}/credentials                      account.person                    201  404
GET    people/{person_id}/credentials/{credential_id}      account.person.readonly           200  404
PUT    people/{person_id}/credentials/{credential_id}      account.person                    200  404
PATCH  people/{person_id}/credentials/{credential_id}      account.person                    200  404
DELETE people/{person_id}/credentials/{credential_id}      account.person                    202  404
GET    credential_types                                    account.credential_type.readonly  200  []
GET    credentials                                         account.person.readonly           200  []
POST   credentials                                         account.person                    201  422
GET    credentials/{credential_id}                         account.person.readonly           200  404
PUT    credentials/{credential_id}                         account.person                    200  404
PATCH  credentials/{credential_id}                         account.person                    200  404
DELETE credentials/{credential_id}                         account.person                    202  404
POST   credentials/{credential_id}/url                     account.person                    201  404
POST   credentials/{credential_id}/email                   account.person                    202  404
POST   credentials/{credential_id}/suspend                 account.person                    200  404
POST   credentials/{credential_id}/resume                  account.person                    200  404
POST   credentials/{credential_id}/reopen                  account.person                    200  404
GET    credentials/{credential_id}/events                  account.event.readonly            200  404
GET    events                                              account.event.readonly            200  {}
GET    webhook_endpoints                                   account.webhook                   200  []
POST   webhook_endpoints                                   account.webhook                   201  own
GET    webhook_endpoints/{endpoint_id}                     account.webhook                   200  404
PATCH  webhook_endpoints/{endpoint_id}                     account.webhook                   200  404
DELETE webhook_endpoints/{endpoint_id}                     account.webhook                   204  404
POST   webhook_endpoints/{endpoint_id}/rotate_secret       account.webhook                   200  404
POST   webhook_endpoints/{endpoint_id}/test                account.webhook                   202  404
GET    webhook_endpoints/{endpoint_id}/deliveries          account.webhook                   200  404
POST   webhook_endpoints/{endpoint_id}/replay              account.webhook                   202  404
GET    webhook_endpoints/{endpoint_id}/replays             account.webhook                   200  404
GET    webhook_endpoints/{endpoint_id}/replays/{replay_id} account.webhook                   200  404
POST   webhook_endpoints/{endpoint_id}/replays/{replay_id}/cancel account.webhook            200  404
GET    deliveries/{delivery_id}                            account.webhook                   200  404
POST   deliveries/{delivery_id}/retry                      account.webhook                   202  404
"""

# What needs no key, by method; whoever calls shows another secret in path, header or body, or needs none.
PUBLIC = """
GET,HEAD     passes/{token}
POST         passes/{token}/apple
GET,HEAD     passes/{token}/apple/{serial_number}.pkpass
POST         passes/{token}/google
GET,HEAD     passes/{token}/qr.svg
POST,DELETE  apple/v1/devices/{device}/registrations/{pass_type}/{serial_number}
GET,HEAD     apple/v1/devices/{device}/registrations/{pass_type}
GET,HEAD     apple/v1/passes/{pass_type}/{serial_number}
POST         apple/v1/passes/{pass_type}/{serial_number}/passLifecycleUpdate
POST         apple/v1/log
POST         google/callback/{issuer_id}
GET,HEAD     google/images/{suffix}/{version}/{role}.png
GET,HEAD     brand/{digest}.png
GET,HEAD     brand/{digest}.webp
GET,HEAD     brand/{signed}.webp
GET,HEAD     robots.txt
"""
# What some routes want in a place, where others take anything.
PLACES = {"role": "logo", "colour": "00aa55", "digest": "0" * 64}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# They describe the API and tell nothing of anybody.
OPEN_TO_ALL = {"openapi.json", "docs"}
PREFIXES = ("api/v3/", "api/3/")


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    method: str
    route: str
    scope: str
    success: int
    another_account: str

    @classmethod
    def read(cls, line: str) -> Row:
        method, route, scope, success, another_account = line.split()
        return cls(method, route, scope, int(success), another_account)

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


@dataclass(frozen=True)
class Things:
    """One of everything that Acme has, and the body that each call needs."""

    ids: dict[str, Any]
    bodies: dict[str, dict[str, Any]]

    def call(self, caller: Caller, row: Row) -> Any:
        body = self.bodies.get(f"{row.method} {row.route}", {})
        return caller.call(row.method, row.route.format(**self.ids), body)


ROWS = [Row.read(line) for line in TABLE.strip().splitlines()]
each_row = pytest.mark.parametrize("row", ROWS, ids=str)
each_post = pytest.mark.parametrize("row", [row for row in ROWS if row.method == "POST"], ids=str)


@pytest.fixture
def things(acme: Account) -> Things:
    credential = factories.credential(acme)
    kind = factories.credential_type(acme)
    endpoint, _ = create_endpoint(acme, url="https://hooks.example/in", actor="test")
    past = timezone.now() - timedelta(hours=1)
    replay = cancel_replay(start_replay(endpoint, since=past, actor="test"), actor="test")
    ids = {
        "person_id": credential.person_id,
        "credential_id": credential.public_id,
        "endpoint_id": endpoint.public_id,
        "delivery_id": send_test(endpoint, actor="test").public_id,
        "replay_id": replay.public_id,
    }
    bodies: dict[str, dict[str, Any]] = {
        "POST people": {"first_name": "Ada", "last_name": "Lovelace"},
        "POST people/{person_id}/credentials": {"credential_type_id": kind.pk},
        "POST credentials": {"credential_type_id": kind.pk, "person_id": credential.person_id},
        "POST webhook_endpoints": {"url": "https://hooks.example/in"},
        "POST webhook_endpoints/{endpoint_id}/replay": {"since": past.isoformat()},
    }
    return Things(ids, bodies)


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address of the site with its view; what stands in `<converter:name>` reads `{name}`."""
    for pattern in patterns:
        parts = str(pattern.pattern).replace("<", ">").split(">")
        route = "".join(f"{{{part.partition(':')[2]}}}" if n % 2 else part for n, part in enumerate(parts))
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, before + route)
        else:
            yield before + route, pattern


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_method_of_every_route_has_its_row(prefix: str) -> None:
    found = set()
    for route, pattern in routes(get_resolver().url_patterns):
        name = route.removeprefix(prefix)
        if name == route or name in OPEN_TO_ALL:
            continue
        view = pattern.callback.cls  # type: ignore[attr-defined]
        found |= {f"{method.upper()} {name}" for method in view.http_method_names if hasattr(view, method)}
    found = {call for call in found if not call.startswith(("HEAD ", "OPTIONS "))}
    assert found == {str(row) for row in ROWS}


def test_the_description_has_the_same_rows(db: None) -> None:
    paths = Caller("").get("openapi.json").json()["paths"]
    described = {
        f"{method.upper()} {path.removeprefix('/api/v3/')}"
        for path, methods in paths.items()
        for method in methods
    }
    assert described == {str(row) for row in ROWS}


@each_row
def test_without_a_key_nobody_is_answered(things: Things, row: Row) -> None:
    answer = things.call(Caller(""), row)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
    assert answer["WWW-Authenticate"].startswith("Bearer")


@each_row
def test_every_other_scope_is_too_little(things: Things, acme: Account, row: Row) -> None:
    others = [str(scope) for scope in Scope if scope != row.scope and not grants(scope, row.scope)]
    before = count_rows()
    answer = things.call(Caller.of(acme, scopes=others), row)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert row.scope in answer.json()["detail"]
    assert count_rows() == before


@each_row
def test_another_account_gets_nothing_of_it(things: Things, globex: Account, row: Row) -> None:
    before = count_rows()
    answer = things.call(Caller.of(globex), row)
    assert b"Acme" not in answer.content
    if row.another_account == "own":
        assert answer.status_code == row.success
        return
    assert count_rows() == before
    if row.another_account in ("404", "422"):
        assert answer.status_code == int(row.another_account)
    else:
        assert answer.status_code == 200
        assert answer.json() == ([] if row.another_account == "[]" else {"data": [], "next": None})


@each_row
def test_the_scope_alone_is_enough(things: Things, acme: Account, row: Row) -> None:
    answer = things.call(Caller.of(acme, scopes=[row.scope]), row)
    assert answer.status_code == row.success, answer.content


@each_post
def test_every_post_can_be_repeated(things: Things, acme: Account, row: Row) -> None:
    caller = Caller.of(acme)
    path, body = row.route.format(**things.ids), things.bodies.get(str(row), {})
    first, second = (caller.post(path, body, Idempotency_Key="once") for _ in range(2))
    assert first.status_code == second.status_code == row.success
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"


PUBLIC_ROUTES = {route: allowed.split(",") for allowed, route in map(str.split, PUBLIC.strip().splitlines())}


def test_every_public_route_is_on_the_list() -> None:
    found = [route for route, _ in routes(get_resolver().url_patterns)]
    found = [route for route in found if not route.startswith(("admin/", "api/"))]
    # Whatever else begins like a redemption URL meets one and the same page.
    assert found.pop(found.index(r"^passes(?P{}(?:/[\s\S]*)?)\Z")) is not None
    shapes = {re.sub(r"{\w*}", "{}", route) for route in PUBLIC_ROUTES}
    read = {re.sub(r"\(\?P{}[^)]*\)", "{}", route).translate(REGEX_MARKS) for route in found}
    assert {re.sub(r"{\w*}", "{}", route) for route in read} == shapes


@pytest.mark.parametrize("route", PUBLIC_ROUTES)
def test_a_public_route_takes_its_methods_and_no_cookie(route: str, db: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    path = re.sub(r"{(\w*)}", lambda place: PLACES.get(place[1], "1"), route)
    for method in METHODS:
        answer = strict.generic(method, f"/{path}", b"{}", content_type="application/json")
        # 403 where only browsers look: they get no form from there.
        assert (answer.status_code in (403, 405)) == (method not in PUBLIC_ROUTES[route]), method
        assert not answer.cookies


# What is left of a regular expression's own marks.
REGEX_MARKS = str.maketrans({"^": "", "\\": "", "Z": ""})


def grants(scope: str, needed: str) -> bool:
    """Whether a scope includes another one."""
    return needed == f"{scope}.readonly"


def count_rows() -> list[int]:
    """How much there is of what calls make or write down."""
    return [rows.objects.count() for rows in (Credential, Event, Endpoint, Replay)]

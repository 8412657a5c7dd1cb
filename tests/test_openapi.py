"""The API keeps to its own description, and the description to OpenAPI."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.contrib.staticfiles import finders
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from credentials.models import Account
from tests import factories
from tests.test_permissions import Row, Things, each_row, things

__all__ = ["things"]

DOCUMENT = "/api/v3/openapi.json"
PAGE = "/api/v3/docs"


@pytest.fixture
def schema(db: None) -> Iterator[BaseSchema]:
    """The description, as the application itself serves it over the connection of the test."""
    # The end of a request would close that connection, and roll back what the test has made.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi(DOCUMENT, WSGIHandler())
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def headers(acme: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {factories.api_key(acme)}"}


def members(schema: BaseSchema, row: Row) -> set[str]:
    """The members that the description gives the answer, or each element of it when it is an array."""
    answers = schema.raw_schema["paths"][f"/api/v3/{row.route}"][row.method.lower()]["responses"]
    described = answers[str(row.success)]["content"]["application/json"]["schema"]
    name = described.get("items", described)["$ref"].rpartition("/")[2]
    return set(schema.raw_schema["components"]["schemas"][name]["properties"])


@each_row
def test_what_succeeds_is_described(
    schema: BaseSchema, things: Things, headers: dict[str, str], row: Row
) -> None:
    operation = schema[f"/api/v3/{row.route}"][row.method]
    ids = {parameter.name: things.ids[parameter.name] for parameter in operation.path_parameters}
    body = things.bodies.get(str(row))
    sent: dict[str, Any] = {} if body is None else {"body": body, "media_type": "application/json"}
    answer = operation.Case(path_parameters=ids, **sent).call_and_validate(headers=headers)
    assert answer.status_code == row.success
    if answer.content:
        found = answer.json()[0] if isinstance(answer.json(), list) else answer.json()
        assert found.keys() == members(schema, row)


@each_row
def test_whatever_is_sent_the_answer_is_described(
    schema: BaseSchema, things: Things, headers: dict[str, str], row: Row
) -> None:
    operation = schema[f"/api/v3/{row.route}"][row.method]
    # A value of the right form may still be refused: it is taken, it is past, it names nobody.
    unfit = [positive_data_acceptance]
    if row.method == "GET":
        # Unknown filters are ignored.
        unfit.append(negative_data_rejection)

    @seed(1)
    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=st.one_of([operation.as_strategy(mode) for mode in schemathesis.GenerationMode]))
    def call(case: Any) -> None:
        case.call_and_validate(headers=headers, excluded_checks=unfit)

    call()


def test_the_description_is_valid_openapi_without_a_warning() -> None:
    printed = io.StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, format="openapi-json", stdout=printed)
    assert '"openapi": "3.1.0"' in printed.getvalue()


def test_every_call_has_a_summary_and_a_name_of_its_own() -> None:
    paths = Client().get(DOCUMENT).json()["paths"]
    operations = [operation for methods in paths.values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert sorted(set(names)) == sorted(names)
    assert [operation["operationId"] for operation in operations if not operation["summary"]] == []


@pytest.mark.parametrize("path", [DOCUMENT, PAGE])
def test_the_description_needs_no_key_and_changes_nothing(path: str) -> None:
    assert Client().get(path).status_code == Client().head(path).status_code == 200
    assert Client().post(path).status_code == 405
    assert Client().get(path.replace("v3", "3")).content == Client().get(path).content


def test_the_page_loads_nothing_from_elsewhere() -> None:
    page = Client().get(PAGE)
    assert not re.search(r"unsafe|https?:|\*", page["Content-Security-Policy"])
    found = re.findall(r'(?:src|href)="([^"]+)"', page.content.decode())
    assert len(found) >= 5
    for address in found:
        name = address.removeprefix("/static/")
        assert address == "openapi.json" or (name != address and finders.find(name)), address

"""Every refusal is a problem document, whoever makes it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from credentials import errors
from credentials.api import problems
from credentials.errors import Refusal
from credentials.models import Account
from tests import factories
from tests.callers import Caller

MEMBERS = {"type", "title", "status", "detail", "instance", "error", "error_description"}


def assert_problem(answer: Any, *, status: int, error: str) -> dict[str, Any]:
    """The document, after a look at everything that all of them have."""
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Cache-Control"] == "no-store"
    document: dict[str, Any] = answer.json()
    assert document.keys() >= MEMBERS
    assert (document["status"], document["error"]) == (status, error)
    assert document["instance"] == answer["X-Request-Id"]
    assert document["detail"] == document["error_description"]
    assert document["type"].endswith(f"/api/v3/docs#{error}")
    return document


def refusals(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for child in kind.__subclasses__():
        yield child
        yield from refusals(child)


def test_every_refusal_has_its_line_in_the_table() -> None:
    found = list(refusals())
    assert errors.AlreadyHeld in found
    assert [kind for kind in found if not set(kind.__mro__) & set(problems.PROBLEMS)] == []


def test_every_type_leads_to_a_line_of_the_page(db: None) -> None:
    page = Client().get("/api/v3/docs").content.decode()
    for problem in {*problems.PROBLEMS.values(), *problems.BY_STATUS.values()}:
        assert f'id="{problem.error}"' in page


@pytest.mark.parametrize(
    "path", ["/api/v3/nothing", "/api/", "/api/3/people/", "/api/v4/people", "/api/v3/people/x"]
)
def test_an_unknown_address_is_a_problem(db: None, path: str) -> None:
    assert_problem(Client().get(path), status=404, error="not_found")
    assert_problem(Client().post(path, "{}", content_type="text/plain"), status=404, error="not_found")


def test_an_unknown_address_elsewhere_is_a_page(db: None) -> None:
    assert Client().get("/apis").headers["Content-Type"].startswith("text/html")


def test_another_method_names_those_that_there_are(caller: Caller) -> None:
    answer = caller.delete("people")
    assert_problem(answer, status=405, error="method_not_allowed")
    assert {"GET", "POST"} <= set(answer["Allow"].split(", "))


@pytest.mark.parametrize(
    "raw", [b"{", b"", b"\xff", b'{"a": NaN}', b'{"a": ' + b"9" * 5000 + b"}", b"[" * 100_000, b"{} {}"]
)
def test_malformed_json_is_a_bad_request(caller: Caller, raw: bytes) -> None:
    answer = caller.call("POST", "people", raw=raw or b" ")
    assert "JSON" in assert_problem(answer, status=400, error="bad_request")["detail"]


@pytest.mark.parametrize("body", [[], "text", 7, True, [{"first_name": "Ada"}]])
def test_a_body_that_is_no_object_is_a_bad_request(caller: Caller, body: Any) -> None:
    answer = caller.call("POST", "people", body)
    assert (
        assert_problem(answer, status=400, error="bad_request")["detail"] == "The body must be a JSON object."
    )


def test_null_is_no_object_either(caller: Caller) -> None:
    assert_problem(caller.call("POST", "people", raw=b"null"), status=400, error="bad_request")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "nonsense"])
def test_another_media_type_is_refused(caller: Caller, content_type: str) -> None:
    answer = caller.call("POST", "people", raw=b"first_name=Ada", content_type=content_type)
    assert_problem(answer, status=415, error="unsupported_media_type")


@pytest.mark.parametrize("charset", ["utf-8", "zlib", "utf-16", "nonsense"])
def test_json_is_utf_8_whatever_the_charset_says(caller: Caller, charset: str) -> None:
    person = '{"first_name": "Zoë", "last_name": "Łoś"}'.encode()
    answer = caller.call("POST", "people", raw=person, content_type=f"application/json; charset={charset}")
    assert answer.status_code == 201
    assert answer.json()["first_name"] == "Zoë"


def test_an_answer_that_is_no_json_cannot_be_had(caller: Caller) -> None:
    assert_problem(caller.get("people", Accept="text/html"), status=406, error="not_acceptable")
    assert caller.get("people", Accept="*/*").status_code == 200


def test_a_body_that_is_too_large_is_refused_unread(caller: Caller) -> None:
    for headers in ({}, {"Idempotency_Key": "large"}):
        answer = caller.call("POST", "people", raw=b" " * 3_000_000, **headers)
        assert_problem(answer, status=413, error="content_too_large")


def test_a_refused_field_is_named(caller: Caller) -> None:
    document = assert_problem(caller.post("people", {"first_name": 7}), status=422, error="validation_failed")
    assert document["errors"] == {
        "first_name": ["Not a valid string."],
        "last_name": ["This field is required."],
    }
    assert document["detail"] == "first_name: Not a valid string. last_name: This field is required."


def test_a_refusal_of_a_rule_is_named_in_the_same_way(caller: Caller, acme: Account) -> None:
    factories.person(acme, email="ada@example.org")
    answer = caller.post("people", {"first_name": "A", "last_name": "B", "email": "ADA@example.org"})
    document = assert_problem(answer, status=422, error="validation_failed")
    assert document["errors"] == {"email": ["This e-mail address has already been taken."]}


def test_every_sentence_is_english_whatever_the_caller_speaks(caller: Caller) -> None:
    answer = caller.post("people", {"first_name": "A"}, Accept_Language="de")
    assert answer.json()["errors"] == {"last_name": ["This field is required."]}


def test_a_failure_of_ours_tells_nothing(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE credentials_person RENAME TO credentials_secret_place")
    quiet = Caller(caller.key, client=Client(raise_request_exception=False))
    with caplog.at_level(logging.CRITICAL):
        answer = quiet.get("people")
    document = assert_problem(answer, status=500, error="internal_server_error")
    assert document["detail"] == "Something went wrong here."
    assert not re.search("secret_place|credentials_person|Traceback|Error:", answer.content.decode())


def test_a_host_that_is_not_ours_is_a_bad_request(caller: Caller) -> None:
    assert_problem(caller.get("people", Host="evil.example"), status=400, error="bad_request")

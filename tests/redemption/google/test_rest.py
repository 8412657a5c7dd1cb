"""Google over REST: what it does comes back as JSON, what it does not as one failure for each remedy."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from redemption.google import connections
from redemption.google.errors import (
    AlreadyThere,
    GoogleFailure,
    KeyRefused,
    Missing,
    NotInvited,
    OverQuota,
    Rejected,
    Unreachable,
)
from redemption.google.rest import Google
from redemption.models import GoogleIssuer
from tests.fakes.google import FakeGoogle, Fault
from tests.fakes.google_accounts import ServiceAccount
from tests.fakes.google_wire import Answer
from tests.redemption.google.asking import CLASS, HTML, ISSUER_ID, OBJECT, api_of, error, failure
from tests.redemption.google.strange_servers import saying


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for answers a moment only."""
    monkeypatch.setattr(connections, "READ_SECONDS", 0.2)


def test_classes_and_objects_are_inserted_patched_and_read(api: Google, google: FakeGoogle) -> None:
    assert api.insert_class({**CLASS, "enableSmartTap": True})["id"] == CLASS["id"]
    assert api.patch_class(CLASS["id"], {"enableSmartTap": False})["enableSmartTap"] is False
    assert api.get_class(CLASS["id"]) == {**CLASS, "enableSmartTap": False}
    assert api.list_classes()["resources"] == [{**CLASS, "enableSmartTap": False}]
    assert api.insert_object(OBJECT) == OBJECT
    assert "barcode" not in api.patch_object(OBJECT["id"], {"state": "EXPIRED", "barcode": None})
    google.resources.save(OBJECT["id"], user="ada")
    assert api.get_object(OBJECT["id"])["hasUsers"] is True


def test_an_id_is_one_part_of_the_path(api: Google, google: FakeGoogle) -> None:
    assert isinstance(failure_at(api, "../genericClass/x?y"), Rejected | Missing)
    assert google.asked("rest")[-1].path.endswith("/genericObject/..%2FgenericClass%2Fx%3Fy")


def failure_at(api: Google, object_id: str) -> GoogleFailure:
    with pytest.raises(GoogleFailure) as caught:
        api.get_object(object_id)
    return caught.value


def test_what_is_there_already_is_read_and_patched(api: Google, google: FakeGoogle) -> None:
    api.put_class(CLASS)
    api.put_class({**CLASS, "enableSmartTap": True})
    assert google.resources.classes[CLASS["id"]] == {**CLASS, "enableSmartTap": True}
    api.put_object({**OBJECT, "validTimeInterval": {"start": {"date": "2030-01-01T00:00:00Z"}}})
    wanted = {**OBJECT, "validTimeInterval": {"end": {"date": "2031-01-01T00:00:00Z"}}, "barcode": None}
    api.put_object(wanted)
    assert google.resources.objects[OBJECT["id"]] == {n: v for n, v in wanted.items() if v is not None}
    asked = [request.method for request in google.asked("rest")]
    assert asked == ["POST", "POST", "GET", "PATCH", "POST", "POST", "GET", "PATCH"]


def test_what_is_there_as_it_should_be_is_left_alone(api: Google, google: FakeGoogle) -> None:
    api.put_class(CLASS)
    assert api.put_class(CLASS) == CLASS
    assert [request.method for request in google.asked("rest")] == ["POST", "POST", "GET"]


# --- What Google does not do ----------------------------------------------------------------------------

INVALID: dict[str, Any] = {
    "status": "INVALID_ARGUMENT",
    "details": [{"fieldViolations": [{"field": "generic_object.header", "description": "missing"}]}],
}
DISABLED: dict[str, Any] = {"status": "PERMISSION_DENIED", "details": [{"reason": "SERVICE_DISABLED"}]}


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (error(400, "Invalid resource ID.", reason="invalidResource"), Rejected, "Invalid resource ID."),
        (error(400, "Invalid value.", **INVALID), Rejected, "(generic_object.header)"),
        (error(412, "Precondition failed."), Rejected, "Precondition failed."),
        (error(403, "Permission denied.", reason="permissionDenied"), NotInvited, "Invite this address"),
        (error(403, "It has not been used.", **DISABLED), NotInvited, "not enabled in project acme-wallet"),
        (error(403, "Off.", reason="accessNotConfigured"), NotInvited, "not enabled in project acme-wallet"),
        (error(403, "Rate Limit Exceeded", reason="rateLimitExceeded"), OverQuota, "Rate Limit"),
        (error(403, "Quota exceeded for metric X."), OverQuota, "Quota exceeded"),
        (error(403, "Slow down.", status="RESOURCE_EXHAUSTED"), OverQuota, "Slow down."),
        (error(429, "Resource has been exhausted."), OverQuota, "exhausted"),
        (Answer(429, HTML), OverQuota, "[429]"),
        (error(404, "Resource not found.", reason="resourceNotFound"), Missing, "Resource not found."),
        (error(409, "Already exists.", reason="alreadyExists"), AlreadyThere, "Already exists."),
        (error(500, "Internal error."), Unreachable, "Internal error."),
        (error(503, "The service is currently unavailable."), Unreachable, "currently unavailable"),
        (Answer(502, HTML), Unreachable, "[502]"),
        (Answer(404, HTML), Unreachable, "[404]"),
        (Answer(403, HTML), Unreachable, "[403]"),
        (Answer(404, {"message": "no such route"}), Unreachable, "[404]"),
        (Answer(404, {"error": "Not Found"}), Unreachable, "[404]"),
        (Answer(404, {"error": {"errors": [None]}}), Unreachable, "[404]"),
        (Answer(200, HTML), Unreachable, "not Google"),
        (Answer(200, ["nothing"]), Unreachable, "not Google"),
        (Answer(302, HTML, {"Location": "/token"}), Unreachable, "[302]"),
    ],
)
def test_each_answer_that_is_no_success_is_one_failure(
    answer: Answer, kind: type[GoogleFailure], words: str, api: Google, google: FakeGoogle
) -> None:
    google.script("rest", [answer])
    failed = failure(api)
    assert type(failed) is kind
    assert words in failed.sentence
    assert failed.status == answer.status
    assert len(google.asked("rest")) == 1


def test_whoever_is_not_invited_is_told_whom_to_invite_where(
    api: Google, google: FakeGoogle, service_account: ServiceAccount
) -> None:
    google.resources.invited.clear()
    refused = failure(api)
    assert isinstance(refused, NotInvited)
    assert service_account.email in refused.sentence
    assert ISSUER_ID in refused.sentence
    assert refused.said == "Permission denied."


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("30", timedelta(seconds=30)),
        ("9999999", timedelta(days=1)),
        ("soon", None),
        ("-1", None),
        ("9" * 5000, None),
    ],
)
def test_google_may_say_how_long_to_wait(
    header: str, wait: timedelta | None, api: Google, google: FakeGoogle
) -> None:
    google.script("rest", [Answer(503, HTML, {"Retry-After": header})])
    assert failure(api).retry_after == wait


def test_a_long_complaint_is_cut(api: Google, google: FakeGoogle) -> None:
    google.script("rest", [error(400, "x" * 5000)])
    assert len(failure(api).said) == 300


# --- Nobody there -----------------------------------------------------------------------------------------


def test_a_refused_connection_is_told(api: Google, google: FakeGoogle) -> None:
    google.go_down()
    assert isinstance(failure(api), Unreachable)
    google.recover()
    api.list_classes()


@pytest.mark.parametrize("part", ["token", "rest"])
@pytest.mark.parametrize("fault", [Fault.DROP, Fault.SILENCE])
@pytest.mark.usefixtures("impatient")
def test_an_answer_that_never_comes_is_not_awaited(
    part: str, fault: Fault, api: Google, google: FakeGoogle
) -> None:
    google.script(part, [fault])
    assert isinstance(failure(api), Unreachable)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD % 100, b'{"id": "1"}'),
        (HEAD % 2_000_000, b'"' + b"x" * 1_999_998 + b'"'),
        (HEAD % 1000, *(b" ",) * 20),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",),
        (b"220 mail.example.org ESMTP\r\n",),
    ],
    ids=["cut", "large", "dripping", "badly chunked", "badly packed", "not http"],
)
@pytest.mark.usefixtures("impatient", "google")
def test_an_answer_that_is_not_whole_is_none(
    pieces: tuple[bytes, ...], issuer: GoogleIssuer, settings: Settings
) -> None:
    with saying(*pieces, pause=0.05 if len(pieces) > 3 else 0) as url:
        settings.GOOGLE_API_URL = url
        assert isinstance(failure(api_of(issuer)), Unreachable)


@pytest.mark.usefixtures("google")
def test_an_answer_in_chunks_is_read(issuer: GoogleIssuer, settings: Settings) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with saying(head, b'3\r\n{"a\r\n', b'4\r\n":1}\r\n', b"0\r\n\r\n", pause=0.02) as url:
        settings.GOOGLE_API_URL = f"{url}/"
        assert api_of(issuer).list_classes() == {"a": 1}


def test_without_a_key_nothing_is_sent(issuer: GoogleIssuer, google: FakeGoogle) -> None:
    issuer.private_key = None
    with pytest.raises(KeyRefused):
        api_of(issuer)
    assert google.requests == []


# --- Secrets ----------------------------------------------------------------------------------------------


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Every log record, google-auth's own included, down to DEBUG."""

    class Sink(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(f"{record.getMessage()} {vars(record)}")

    kept: list[str] = []
    sink = Sink(level=logging.DEBUG)
    loggers = [logging.getLogger(name) for name in ("", "google")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.addHandler(sink)
        each.setLevel(logging.DEBUG)
    yield kept
    for each, level in zip(loggers, levels, strict=True):
        each.removeHandler(sink)
        each.setLevel(level)


def test_no_secret_is_logged_or_told(
    api: Google, google: FakeGoogle, service_account: ServiceAccount, lines: list[str]
) -> None:
    api.put_class(CLASS)
    api.put_object(OBJECT)
    google.script("rest", [error(401, "Invalid Credentials"), error(400, "Bad", reason="invalid")])
    failed = failure(api)
    said = "\n".join([*lines, repr(failed), repr(failed.__cause__), json.dumps(vars(failed), default=str)])
    assert "genericObject" in said
    secrets = [*google.tokens.granted, *google.tokens.assertions, OBJECT["barcode"]["value"], "PRIVATE KEY"]
    assert len(secrets) > 3
    assert [secret for secret in secrets if secret in said] == []

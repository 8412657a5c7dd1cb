"""Log lines: one JSON object each, in which nothing opens a door."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client, RequestFactory

from credentials.models import Account
from passflow.logging import JsonLines, RedactedRecord, redact
from passflow.request_id import current_request_id

Log = Callable[[], list[dict[str, Any]]]

logger = logging.getLogger("tests.somewhere")


@pytest.fixture
def lines() -> Iterator[Log]:
    """What the handler of production has written so far, as an operator's collector reads it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


URL_TOKEN = "0123456789abcdefghjkmnpqrs"
API_KEY = "pf_key_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
AUTHENTICATION_TOKEN = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
WEBHOOK_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoamttbnBxcnM0NTY3ODk="


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"Not Found: /passes/{URL_TOKEN}", URL_TOKEN),
        (f"GET https://passes.example/passes/{URL_TOKEN.upper()}/apple/ab.pkpass?x=1", URL_TOKEN.upper()),
        (f'Referer: "https://passes.example/passes/{URL_TOKEN}"', URL_TOKEN),
        (f"key {API_KEY} is unknown", API_KEY.rpartition("_")[2]),
        (f"Authorization: Bearer {API_KEY}", API_KEY.rpartition("_")[2]),
        (f"{{'Authorization': 'Bearer {URL_TOKEN}'}}", URL_TOKEN),
        (f"Authorization: ApplePass {AUTHENTICATION_TOKEN}", AUTHENTICATION_TOKEN),
        (f"authorization: applepass {AUTHENTICATION_TOKEN}", AUTHENTICATION_TOKEN),
        (f"authorization: bearer  {AUTHENTICATION_TOKEN}", AUTHENTICATION_TOKEN),
        ("Authorization: Basic YWRtaW46cGFzc3dvcmQ=", "YWRtaW46"),
        (f"signed with {WEBHOOK_SECRET}, sent", WEBHOOK_SECRET.removeprefix("whsec_")),
        (f"whsk_{URL_TOKEN}", URL_TOKEN),
        (
            f"Location: https://pay.google.com/gp/v/save/eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ9.{URL_TOKEN}",
            URL_TOKEN,
        ),
        (f"token ya29.c.{URL_TOKEN} was given", URL_TOKEN),
        (f"{URL_TOKEN.upper()} alone", URL_TOKEN.upper()),
        (f"/%0A{URL_TOKEN}%20", URL_TOKEN),
    ],
)
def test_a_secret_is_blanked(text: str, secret: str, lines: Log) -> None:
    logger.warning(text)
    logger.warning("at the door: %s", text)
    for line in lines():
        assert secret not in line["message"]
        assert "[redacted]" in line["message"]
    assert secret[:6] not in redact(text)


def test_what_is_no_secret_stays_readable() -> None:
    for text in (
        "GET /passes/ 404",
        "pf_ and whsec_ are prefixes",
        "2 passes/minute",
        "a basic, bearerless rule",
        "request 0123456789abcdef0123456789abcdef",
        "digest 0123456789abcdefghjkmnpqrs0 is one character too long",
        "0123456789abcdefghilouuuuu has letters that no token has",
    ):
        assert redact(text) == text


def test_what_stands_around_a_secret_stays_readable() -> None:
    told = redact(f"POST /passes/{URL_TOKEN}/apple by pf_key_{URL_TOKEN}: 409")
    assert told == "POST /passes/[redacted]/apple by pf_key_[redacted]: 409"


def test_a_line_is_one_json_object(lines: Log) -> None:
    logger.warning("two\nlines and %s", "ümläuts")
    (line,) = lines()
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "warning", "logger": "tests.somewhere", "message": "two\nlines and ümläuts"}


def test_a_line_names_the_request_it_belongs_to(lines: Log) -> None:
    token = current_request_id.set("request-0001")
    logger.info("during")
    current_request_id.reset(token)
    logger.info("after")
    during, after = lines()
    assert during["request_id"] == "request-0001"
    assert "request_id" not in after


def test_a_traceback_is_told_without_its_secrets(lines: Log) -> None:
    try:
        raise ValueError(f"/passes/{URL_TOKEN}") from KeyError(API_KEY)
    except ValueError:
        logger.exception("it failed")
    (line,) = lines()
    assert "ValueError: /passes/[redacted]" in line["traceback"]
    assert "KeyError: 'pf_key_[redacted]'" in line["traceback"]
    assert URL_TOKEN not in json.dumps(line)
    assert API_KEY not in json.dumps(line)


def test_a_handler_that_knows_nothing_of_secrets_meets_none(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError(f"/passes/{URL_TOKEN}")
    except ValueError:
        logger.exception("it failed for %s", API_KEY)
    assert URL_TOKEN not in caplog.text
    assert API_KEY not in caplog.text
    assert "ValueError" in caplog.text
    [record] = caplog.records
    assert API_KEY not in str(vars(record))


def test_the_request_that_django_attaches_is_not_printed(lines: Log) -> None:
    request = RequestFactory().get(f"/passes/{URL_TOKEN}")
    logger.warning("Not Found", extra={"request": request})
    assert URL_TOKEN not in json.dumps(lines())


@pytest.mark.parametrize("arguments", [("too", "many"), (), ({"other": 1},)])
def test_a_message_that_does_not_fit_its_arguments_is_logged_all_the_same(
    lines: Log, arguments: tuple[object, ...]
) -> None:
    record = RedactedRecord("x", logging.INFO, __file__, 1, f"%d %(name)s {API_KEY}", arguments, None)
    logger.handle(record)
    (line,) = lines()
    assert line["message"].startswith("%d %(name)s pf_key_[redacted]")


# Every way to write a path with a live token that the application answers with 404.
SPELLINGS = [
    *("/passes/{}", "/passes/{}/apple/x.pkpass", "/nowhere/passes/{}", "/PASSES/{}", "/Passes/{}/qr.svg"),
    *("/passes//{}", "/passes/x/{}", "/passes/{}%20{}", "/passes/%20{}", "/passes/%22{}%22", "/passes/%27{}"),
    *("/passes/%3C{}%3E", "/passes/&{}", "/passes/%3F{}", "/passes/.%2F{}", "/{}", "/x//{}/y", "/{}.html"),
    # Django writes these as \n, \x00, \xe9, \u2028 and \U0001f600.
    *("/passes//%0A{}", "/%00{}%00", "/%C3%A9{}", "/%E2%80%A8{}", "/%F0%9F%98%80{}"),
]


@pytest.mark.parametrize("token", [URL_TOKEN, URL_TOKEN.upper()])
@pytest.mark.parametrize("path", SPELLINGS)
def test_a_request_for_an_unknown_url_leaves_no_token(
    client: Client, acme: Account, lines: Log, path: str, token: str
) -> None:
    assert client.get(path.replace("{}", token)).status_code == 404
    logged = json.dumps(lines())
    assert "Not Found: " in logged
    assert token not in logged

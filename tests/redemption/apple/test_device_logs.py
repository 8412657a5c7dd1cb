"""The log endpoint: anybody may write to it, little is kept."""

from __future__ import annotations

import pytest
from django.test import Client

from redemption.models import AppleLog
from tests.redemption.apple.claimed import (
    PUSH_TOKEN,
)


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"logs": ["one", "two\\u0000 lines\\n more", 5, null]}', 2),
        (b'{"logs": []}', 0),
        (b'{"logs": "no list"}', 0),
        (b"{}", 0),
        (b'{"logs": ["' + b"x" * 5000 + b'"]}', 1),
        (b'{"logs": [' + b'"again",' * 199 + b'"again"]}', 50),
        (b'{"logs": ["\\ud800 lone"]}', 1),
    ],
)
def test_logs_are_kept_few_and_short(client: Client, db: None, body: bytes, kept: int) -> None:
    answer = client.post("/apple/v1/log", body, content_type="application/json")
    assert answer.status_code == 200
    assert AppleLog.objects.count() == kept
    assert all(len(line.message) <= 500 and "\n" not in line.message for line in AppleLog.objects.all())


def test_a_logged_identifier_is_blanked(client: Client, db: None) -> None:
    client.post("/apple/v1/log", {"logs": [f"token {PUSH_TOKEN} failed"]}, content_type="application/json")
    assert AppleLog.objects.get().message == "token … failed"


def test_a_log_that_is_not_json_names_the_body(client: Client, db: None) -> None:
    answer = client.post("/apple/v1/log", b"hello", content_type="text/plain")
    assert (answer.status_code, answer.json()["field"]) == (400, "body")

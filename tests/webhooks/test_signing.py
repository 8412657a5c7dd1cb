"""What receivers verify: the published vector, rotation, and an independent library's verdict."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import standardwebhooks

from webhooks.signing import (
    format_private_key,
    format_public_key,
    format_secret,
    parse_private_key,
    parse_secret,
    sign,
    signed_headers,
)

VECTORS = json.loads(Path(__file__).with_name("vectors").joinpath("standard-webhooks.json").read_text())[
    "vectors"
]
VECTOR = next(vector for vector in VECTORS if vector["secret"].startswith("whsec_"))
ASYMMETRIC_VECTOR = next(vector for vector in VECTORS if vector["secret"].startswith("whsk_"))
NEW, OLD = bytes(range(32)), bytes(range(32, 64))


def test_the_published_vector_is_met() -> None:
    signature = sign(
        message_id=VECTOR["id"],
        timestamp=VECTOR["timestamp"],
        body=VECTOR["body"].encode(),
        secrets=[parse_secret(VECTOR["secret"])],
    )
    assert signature == VECTOR["signature"]


def test_the_published_asymmetric_vector_is_met() -> None:
    vector = ASYMMETRIC_VECTOR
    key = parse_private_key(vector["secret"])
    signature = sign(
        message_id=vector["id"], timestamp=vector["timestamp"], body=vector["body"].encode(), secrets=[key]
    )
    assert signature == vector["signature"]
    assert (format_private_key(key), format_public_key(key.public_key())) == (
        vector["secret"],
        vector["public"],
    )


def test_schemes_sign_side_by_side_while_one_replaces_the_other() -> None:
    key = parse_private_key(ASYMMETRIC_VECTOR["secret"])
    both = sign(message_id="msg_1", timestamp=1, body=b"{}", secrets=[key, OLD])
    assert [part.partition(",")[0] for part in both.split(" ")] == ["v1a", "v1"]


PAIR = base64.b64decode(ASYMMETRIC_VECTOR["secret"].removeprefix("whsk_"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (ASYMMETRIC_VECTOR["public"], "starts with whsk_"),
        ("whsec_" + base64.b64encode(PAIR).decode(), "starts with whsk_"),
        ("whsk_" + base64.b64encode(PAIR[:32]).decode(), "has 64 bytes"),
        ("whsk_" + base64.b64encode(PAIR[:32] + bytes(32)).decode(), "ends with its own public key"),
        ("whsk_" + base64.b64encode(PAIR).decode()[:-2] + "!!", "standard base64"),
    ],
)
def test_what_is_no_private_key_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_private_key(text)


def test_any_time_zone_signs_the_same_instant() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    elsewhere = noon.astimezone(timezone(timedelta(hours=2)))
    signatures = {
        sign(message_id="msg_1", timestamp=when, body=b"{}", secrets=[NEW])
        for when in (noon, elsewhere, int(noon.timestamp()))
    }
    assert len(signatures) == 1


def test_the_very_bytes_are_signed() -> None:
    spaced = sign(message_id="msg_1", timestamp=1, body=b'{"a": 1}', secrets=[NEW])
    minified = sign(message_id="msg_1", timestamp=1, body=b'{"a":1}', secrets=[NEW])
    assert spaced != minified


def test_rotation_signs_with_every_secret_newest_first() -> None:
    both = sign(message_id="msg_1", timestamp=1, body=b"{}", secrets=[NEW, OLD])
    alone = [sign(message_id="msg_1", timestamp=1, body=b"{}", secrets=[secret]) for secret in (NEW, OLD)]
    assert both == " ".join(alone)


@pytest.mark.parametrize("secret", [NEW, OLD], ids=["new", "old"])
def test_an_independent_verifier_accepts_either_secret_during_rotation(secret: bytes) -> None:
    body = '{"type":"webhook.test","name":"Zoë"}'.encode()
    headers = signed_headers(message_id="msg_1", timestamp=datetime.now(UTC), body=body, secrets=[NEW, OLD])
    read = standardwebhooks.Webhook(format_secret(secret)).verify(body, headers)
    assert read == {"type": "webhook.test", "name": "Zoë"}


def test_an_independent_verifier_refuses_a_changed_body() -> None:
    headers = signed_headers(message_id="msg_1", timestamp=datetime.now(UTC), body=b"{}", secrets=[NEW])
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(format_secret(NEW)).verify(b"[]", headers)


@pytest.mark.parametrize("size", [24, 32, 64])
def test_a_secret_survives_its_text_form(size: int) -> None:
    secret = bytes(range(size))
    assert parse_secret(format_secret(secret)) == secret


@pytest.mark.parametrize(
    "text",
    [
        VECTOR["secret"].removeprefix("whsec_"),
        "whpk_" + VECTOR["secret"].removeprefix("whsec_"),
        "whsec_",
        "whsec_c2hvcnQ=",
        "whsec_" + "A" * 88,
        "whsec_" + "_-" * 16,
        VECTOR["secret"] + "\n",
    ],
)
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a webhook secret"):
        parse_secret(text)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"secrets": []}, "at least one secret"),
        ({"secrets": [b"short"]}, "24 to 64 bytes"),
        ({"secrets": [NEW, bytes(65)]}, "24 to 64 bytes"),
        ({"message_id": "msg.1"}, "full stop"),
        ({"message_id": ""}, "empty"),
        ({"timestamp": datetime(2026, 3, 1)}, "time zone"),  # noqa: DTZ001 - naive is the point
    ],
)
def test_what_cannot_be_verified_is_not_signed(change: dict[str, object], sentence: str) -> None:
    message: dict[str, object] = {"message_id": "msg_1", "timestamp": 1, "body": b"{}", "secrets": [NEW]}
    with pytest.raises(ValueError, match=sentence):
        sign(**(message | change))  # type: ignore[arg-type]  # one of them is wrong, on purpose

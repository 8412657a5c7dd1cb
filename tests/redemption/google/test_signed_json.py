"""Whatever a body may be that is not a message: it is refused with a sentence, and never with an error."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from redemption.google.signatures import MOST_BODY
from tests.redemption.google.messages import (
    ISSUER,
    ROOTS,
    SIGNER,
    der,
    intermediate,
    read,
    refusal,
    said,
    signed_text,
    with_key,
)

Change = Callable[[dict[str, Any]], object]
BODY = SIGNER.envelope(said(), recipient=ISSUER)
DEEP = b"[" * 60_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b"{",
        b"\xff\xfe",
        b"\xef\xbb\xbf" + BODY,
        BODY.decode().encode("utf-16"),
        DEEP,
        b'{"a":' * 10_000,
        b'{"signature":NaN}',
        b'{"signature":' + b"9" * 10_000 + b"}",
        b'{"protocolVersion":"ECv2SigningOnly",' + BODY[1:],
        BODY + b" " * MOST_BODY,
        BODY + b"x",
    ],
    ids=range(16),
)
def test_a_body_that_is_no_envelope_is_refused(body: bytes) -> None:
    field, sentence = refusal(body)
    assert field == "body"
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("change", "blamed"),
    [
        (lambda e: e.pop("signature"), "body"),
        (lambda e: e.update(extra=1), "body"),
        (lambda e: e.update(signature=7), "signature"),
        (lambda e: e.update(signature=None), "signature"),
        (lambda e: e.update(signature="A" * 201), "signature"),
        (lambda e: e.update(signature="é"), "signature"),
        (lambda e: e.update(signature=e["signature"] + "\n"), "signature"),
        (lambda e: e.update(signature=e["signature"].replace("=", "")[:-1]), "signature"),
        (lambda e: e.update(signature=""), "signature"),
        (lambda e: e.update(signature=base64.b64encode(b"no DER").decode()), "signature"),
        (lambda e: e.update(protocolVersion=["ECv2SigningOnly"]), "protocolVersion"),
        (lambda e: e.update(signedMessage={}), "signedMessage"),
        (lambda e: e.update(signedMessage="\ud800"), "signedMessage"),
        (lambda e: e.update(intermediateSigningKey="key"), "intermediateSigningKey"),
        (lambda e: e["intermediateSigningKey"].update(extra=1), "intermediateSigningKey"),
        (lambda e: e["intermediateSigningKey"].update(signatures="text"), "signatures"),
        (lambda e: e["intermediateSigningKey"].update(signatures=[]), "signatures"),
        (lambda e: e["intermediateSigningKey"].update(signatures=["AAAA"] * 6), "signatures"),
        (lambda e: e["intermediateSigningKey"].update(signatures=[None]), "signatures"),
        (lambda e: e["intermediateSigningKey"].update(signatures=["=="]), "signatures"),
        (lambda e: e["intermediateSigningKey"].update(signedKey=None), "signedKey"),
        (lambda e: e["intermediateSigningKey"].update(signedKey="x" * 2_001), "signedKey"),
        (lambda e: e["intermediateSigningKey"].update(signedKey="\udfff"), "signedKey"),
        (lambda e: e["intermediateSigningKey"].update(signedKey="other"), "intermediateSigningKey"),
    ],
    ids=range(24),
)
def test_an_envelope_with_something_wrong_in_it_is_refused(change: Change, blamed: str) -> None:
    envelope = json.loads(BODY)
    change(envelope)
    assert refusal(json.dumps(envelope).encode())[0] == blamed


def test_how_the_envelope_is_written_does_not_matter_as_only_its_texts_are_signed() -> None:
    envelope = json.loads(BODY)
    assert read(json.dumps(envelope, indent=3, sort_keys=True).encode()) == read(BODY)


@pytest.mark.parametrize(
    "change",
    [
        {"keyExpiration": None},
        {"keyExpiration": 4102444800000},
        {"keyExpiration": "soon"},
        {"keyValue": None},
        {"keyValue": "====="},
        {"keyValue": der(ec.generate_private_key(ec.SECP384R1()))},
    ],
)
def test_an_intermediate_key_that_cannot_be_used_is_refused_whoever_signed_it(change: dict[str, Any]) -> None:
    assert refusal(with_key(intermediate(**change)))[0] == "intermediateSigningKey"


def test_an_intermediate_key_may_say_more_and_must_be_json() -> None:
    assert read(with_key(intermediate(more="of it"))).nonce == "nonce-1"
    for text in ("", "[]", '{"keyValue":1,"keyValue":1}', "NaN"):
        assert refusal(with_key(text))[0] == "signedKey"


@pytest.mark.parametrize(
    ("change", "blamed"),
    [
        ({"nonce": None}, "nonce"),
        ({"nonce": ""}, "nonce"),
        ({"nonce": 7}, "nonce"),
        ({"nonce": "x" * 101}, "nonce"),
        ({"nonce": "a\u0000b"}, "nonce"),
        ({"nonce": "a\nb"}, "nonce"),
        ({"eventType": None}, "eventType"),
        ({"eventType": ["save"]}, "eventType"),
        ({"objectId": 7}, "objectId"),
        ({"objectId": "x" * 201}, "objectId"),
        ({"classId": {}}, "classId"),
        ({"expTimeMillis": None}, "expTimeMillis"),
        ({"expTimeMillis": True}, "expTimeMillis"),
        ({"expTimeMillis": "1734366082269"}, "expTimeMillis"),
        ({"expTimeMillis": 4.1e12}, "expTimeMillis"),
        ({"expTimeMillis": 0}, "expTimeMillis"),
        ({"expTimeMillis": -1}, "expTimeMillis"),
        ({"expTimeMillis": 10**18}, "expTimeMillis"),
        ({"expTimeMillis": 1}, "expTimeMillis"),
    ],
)
def test_a_signed_message_that_cannot_be_kept_is_refused(change: dict[str, Any], blamed: str) -> None:
    assert refusal(SIGNER.envelope(said(**change), recipient=ISSUER))[0] == blamed


@pytest.mark.parametrize(
    ("text", "blamed"),
    [
        ("", "signedMessage"),
        ("null", "signedMessage"),
        ('{"nonce":"a","nonce":"b"}', "signedMessage"),
        ('{"count":Infinity}', "signedMessage"),
        ("[" * 50_000, "signedMessage"),
        ('{"count":' + "9" * 5_000 + "}", "signedMessage"),
        ('{"expTimeMillis":4102444800000,"nonce":"\\ud800","eventType":"save"}', "nonce"),
    ],
)
def test_signed_texts_are_read_as_strictly(text: str, blamed: str) -> None:
    assert refusal(signed_text(text))[0] == blamed


def test_a_message_may_say_more_and_need_not_name_an_object() -> None:
    more = said(
        eventType="activate", objectId=None, classId=None, objectIds=["a", "b"], deviceContext={"x": 1}
    )
    message = read(SIGNER.envelope(more, recipient=ISSUER))
    assert (message.event_type, message.object_id, message.class_id) == ("activate", "", "")
    assert json.loads(message.body)["objectIds"] == ["a", "b"]


def test_nothing_is_believed_without_roots() -> None:
    assert read(BODY, roots=ROOTS).nonce == "nonce-1"
    assert refusal(BODY, roots=[])[0] == "intermediateSigningKey"

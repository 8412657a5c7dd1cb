"""Which messages are Google's: one that Google signed, forgeries of it, and everything that JSON can be."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from credentials.errors import Invalid
from redemption.google import signatures
from redemption.google.signatures import Message, moment, read_root_keys, verify
from tests.fakes.google_signing import Signer, new_key
from tests.redemption.google.messages import DOCUMENT, ISSUER, OBJECT, ROOTS, SIGNER, der, read, refusal, said

VECTORS = json.loads(Path(__file__).with_name("vectors").joinpath("google-callback.json").read_text())
GOOGLES_KEYS = read_root_keys(VECTORS["root_keys"])
GENUINE = VECTORS["positive"][0]
NEGATIVE = VECTORS["negative"]


def genuine(vector: dict[str, Any]) -> Message:
    return verify(
        vector["raw_body"].encode(),
        root_keys=GOOGLES_KEYS,
        issuer_id=vector["issuer_id"],
        now=moment(vector["verify_at_ms"]),
    )


# --- What Google signed -----------------------------------------------------------------------------


def test_the_genuine_callback_is_google_s_at_its_moment() -> None:
    message = genuine(GENUINE)
    assert message.event_type == "save"
    assert message.nonce == "c1359b53-f2bb-4e8f-b392-9a560a21a9a0"
    assert message.object_id == "3388000000022141777.9fd4e525-777c-4e0d-878a-b7993e211997"
    assert message.class_id == "3388000000022141777.pass.gift.dev.edutap.eu"
    assert message.expires_at == datetime(2024, 12, 16, 16, 21, 22, 269_000, tzinfo=UTC)
    assert message.body == json.loads(GENUINE["raw_body"])["signedMessage"]


@pytest.mark.parametrize("vector", NEGATIVE, ids=[vector["name"] for vector in NEGATIVE])
def test_every_forgery_of_it_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        genuine(vector)
    blamed = {
        "wrong-issuer": "signature",
        "tampered-event": "signature",
        "protocol-ECv2": "protocolVersion",
        "signature-bad-base64": "signature",
        "message-expired": "expTimeMillis",
    }
    assert caught.value.field == blamed[vector["name"]]


def test_it_is_refused_from_the_millisecond_on_at_which_it_expires() -> None:
    last = {**GENUINE, "verify_at_ms": 1734366082268}
    assert genuine(last).event_type == "save"
    with pytest.raises(Invalid, match="expired"):
        genuine({**GENUINE, "verify_at_ms": 1734366082269})


def test_it_is_refused_once_its_intermediate_key_has_expired() -> None:
    with pytest.raises(Invalid, match="This key has expired") as caught:
        genuine({**GENUINE, "verify_at_ms": 1735023986000})
    assert caught.value.field == "intermediateSigningKey"


@pytest.mark.parametrize("position", range(0, len(GENUINE["raw_body"]), 61))
def test_no_byte_of_it_can_be_another(position: int) -> None:
    body = bytearray(GENUINE["raw_body"].encode())
    body[position] ^= 1
    with pytest.raises(Invalid):
        verify(
            bytes(body),
            root_keys=GOOGLES_KEYS,
            issuer_id=GENUINE["issuer_id"],
            now=moment(GENUINE["verify_at_ms"]),
        )


# --- Who signed -------------------------------------------------------------------------------------


def test_what_the_fake_signs_is_read() -> None:
    message = read(SIGNER.envelope(said(), recipient=ISSUER))
    assert (message.nonce, message.event_type, message.object_id) == ("nonce-1", "save", OBJECT)


def test_texts_are_signed_by_their_bytes_and_not_by_their_characters() -> None:
    assert read(SIGNER.envelope(said(nonce="Zoë-☃-😀"), recipient=ISSUER)).nonce == "Zoë-☃-😀"


@pytest.mark.parametrize(
    ("forger", "blamed"),
    [
        (SIGNER.but(root=new_key()), "intermediateSigningKey"),
        (SIGNER.but(hand=new_key()), "signature"),
        (SIGNER.but(sender="GoogleWalletPasses"), "intermediateSigningKey"),
        (SIGNER.but(protocol="ECv2"), "protocolVersion"),
        (SIGNER.but(key_expires_in=-1), "intermediateSigningKey"),
    ],
    ids=["root", "hand", "sender", "protocol", "expired-key"],
)
def test_whoever_is_not_google_is_refused(forger: Signer, blamed: str) -> None:
    assert refusal(forger.envelope(said(), recipient=ISSUER))[0] == blamed


def test_a_message_to_another_issuer_is_refused() -> None:
    assert refusal(SIGNER.envelope(said(), recipient="3388000000099999999"))[0] == "signature"


def test_any_of_the_signatures_over_the_intermediate_key_will_do() -> None:
    envelope = json.loads(SIGNER.envelope(said(), recipient=ISSUER))
    stranger = json.loads(SIGNER.but(root=new_key()).envelope(said(), recipient=ISSUER))
    key, other = envelope["intermediateSigningKey"], stranger["intermediateSigningKey"]
    key["signatures"] = other["signatures"] + key["signatures"]
    assert read(json.dumps(envelope).encode()).nonce == "nonce-1"


@pytest.mark.parametrize(
    "change",
    [
        {"protocol_version": "ECv1"},
        {"key_expiration": None},
        {"key_expiration": 1},
    ],
    ids=["another-protocol", "no-end", "ended"],
)
def test_a_root_key_that_may_not_sign_now_counts_for_nothing(change: dict[str, Any]) -> None:
    body = SIGNER.envelope(said(), recipient=ISSUER)
    assert refusal(body, roots=[replace(ROOTS[0], **change)])[0] == "intermediateSigningKey"
    assert refusal(body, roots=[])[0] == "intermediateSigningKey"
    assert read(body, roots=[replace(ROOTS[0], **change), *ROOTS]).nonce == "nonce-1"


def test_a_root_key_is_valid_until_the_millisecond_of_its_end() -> None:
    end = ROOTS[0].ends_at
    assert end is not None
    assert ROOTS[0].is_valid(end - timedelta(milliseconds=1))
    assert not ROOTS[0].is_valid(end)


# --- Root key documents -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"keyValue": None},
        {"keyValue": 7},
        {"keyValue": "not base64"},
        {"keyValue": base64.b64encode(b"not DER").decode()},
        {"keyValue": "A" * 201},
        {"keyValue": der(ec.generate_private_key(ec.SECP384R1()))},
        {"keyValue": der(ed25519.Ed25519PrivateKey.generate())},
        {"protocolVersion": "ECv1"},
        {"protocolVersion": None},
        {"keyExpiration": None},
        {"keyExpiration": 4102444800000},
        {"keyExpiration": ""},
        {"keyExpiration": "-1"},
        {"keyExpiration": "1e12"},
        {"keyExpiration": "٤٢"},
        {"keyExpiration": "9" * 20},
    ],
)
def test_a_root_key_that_is_not_as_it_must_be_is_dropped(change: dict[str, Any]) -> None:
    good = DOCUMENT["keys"][0]
    bad = {name: value for name, value in {**good, **change}.items() if value is not None}
    assert read_root_keys({"keys": [bad, good]}) == ROOTS


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": {}}, {"keys": [None, 1, []]}])
def test_what_is_no_document_of_root_keys_holds_none(document: object) -> None:
    assert read_root_keys(document) == []


def test_a_root_key_may_be_good_for_longer_than_dates_go() -> None:
    good = DOCUMENT["keys"][0]
    (key,) = read_root_keys({"keys": [{**good, "keyExpiration": str(2**63 - 1)}]})
    assert key.ends_at == datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)


def test_few_parsed_keys_are_remembered() -> None:
    assert signatures._public_key.cache_parameters()["maxsize"] == 64

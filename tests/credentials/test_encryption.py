"""Secrets at rest: opened by their key for their purpose, or not at all."""

from __future__ import annotations

import base64

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from credentials.encryption import Undecryptable, decrypt, encrypt

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture(autouse=True)
def keys(settings: Settings) -> None:
    settings.FIELD_KEYS = [NEW]


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    secret=st.binary(max_size=5000), purpose=st.text(st.characters(blacklist_categories=["Cs"]), max_size=50)
)
def test_what_was_encrypted_comes_back(secret: bytes, purpose: str) -> None:
    ciphertext = encrypt(secret, purpose=purpose)
    assert decrypt(ciphertext, purpose=purpose) == secret
    assert decrypt(memoryview(ciphertext), purpose=purpose) == secret  # type: ignore[arg-type]


def test_nothing_of_it_can_be_read_and_no_two_are_alike() -> None:
    first, second = (encrypt(b"-----BEGIN PRIVATE KEY-----", purpose="x") for _ in range(2))
    assert first != second
    assert b"PRIVATE" not in base64.urlsafe_b64decode(first)


def test_each_damaged_byte_is_refused() -> None:
    ciphertext = encrypt(b"secret", purpose="x")
    raw = base64.urlsafe_b64decode(ciphertext)
    for place in range(len(raw)):
        damaged = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(Undecryptable):
            decrypt(base64.urlsafe_b64encode(damaged), purpose="x")


@pytest.mark.parametrize("ciphertext", [b"", b"x", b"gAAAAA", b"\xff" * 100, b"secret"])
def test_what_is_no_ciphertext_is_refused(ciphertext: bytes) -> None:
    with pytest.raises(Undecryptable, match="no key of PASSFLOW_FIELD_KEYS opens it"):
        decrypt(ciphertext, purpose="x")


@pytest.mark.parametrize("purpose", ["value key 1:2", "value key 1", "value key 1:11", "", "VALUE KEY 1:1"])
def test_another_rows_secret_is_refused(purpose: str) -> None:
    ciphertext = encrypt(b"secret", purpose="value key 1:1")
    with pytest.raises(Undecryptable, match="for something else"):
        decrypt(ciphertext, purpose=purpose)


def test_a_new_key_encrypts_and_the_former_still_opens(settings: Settings) -> None:
    settings.FIELD_KEYS = [OLD]
    before = encrypt(b"secret", purpose="x")
    settings.FIELD_KEYS = [NEW, OLD]
    after = encrypt(b"secret", purpose="x")
    assert decrypt(before, purpose="x") == decrypt(after, purpose="x") == b"secret"
    settings.FIELD_KEYS = [NEW]
    assert decrypt(after, purpose="x") == b"secret"
    with pytest.raises(Undecryptable):
        decrypt(before, purpose="x")


def test_what_is_refused_says_nothing_of_keys_and_secrets() -> None:
    ciphertext = encrypt(b"the secret", purpose="x")
    with pytest.raises(Undecryptable) as refused:
        decrypt(ciphertext, purpose="y")
    said = f"{refused.value!r} {refused.value.__cause__!r}"
    assert "the secret" not in said
    assert NEW not in said

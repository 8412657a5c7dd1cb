"""Every secret string: how long it is, how it is recognised, and what cannot be told from it."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials import tokens

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
TOKEN = "0123456789abcdefghjkmnpqrs"


@pytest.mark.parametrize(
    ("mint", "shape", "bits"),
    [
        (tokens.mint_url_token, rf"[{BASE32}]{{26}}", 26 * 5),
        (tokens.mint_api_key, r"pf_key_[0-9A-Za-z]{36}", 30 * math.log2(62)),
        (tokens.mint_authentication_token, r"[0-9A-Za-z_-]{43}", 256),
        (tokens.mint_serial_number, r"[0-9a-f]{32}", 128),
        (tokens.mint_webhook_secret, r"whsec_[0-9A-Za-z+/]{43}=", 256),
        (tokens.mint_password, rf"[{BASE32}]{{26}}", 26 * 5),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_secret_has_its_shape_and_128_bits_at_least(
    mint: Callable[[], str], shape: str, bits: float
) -> None:
    minted = {mint() for _ in range(500)}
    assert len(minted) == 500
    assert all(re.fullmatch(shape, secret) for secret in minted)
    assert bits >= 128


@pytest.mark.parametrize(
    ("mint", "start", "alphabet"),
    [
        (tokens.mint_url_token, 0, BASE32),
        (tokens.mint_api_key, 7, BASE62),
        (tokens.mint_public_id, 0, BASE62),
    ],
    ids=["url token", "api key", "public id"],
)
def test_every_character_of_the_alphabet_is_used_at_every_place(
    mint: Callable[[], str], start: int, alphabet: str
) -> None:
    minted = [mint()[start:] for _ in range(4000)]
    # What follows a key's body is a checksum, the first digit of which cannot be large.
    for place in range(min(len(minted[0]), 30)):
        assert {secret[place] for secret in minted} == set(alphabet)


def test_the_sizes_of_what_is_no_secret() -> None:
    assert len(tokens.mint_public_id()) == 14
    assert len(tokens.mint_public_id(22)) == 22
    assert len(tokens.mint_value_secret()) == 32
    assert len(base64.b64decode(tokens.mint_webhook_secret().removeprefix("whsec_"))) == 32


def test_a_url_token_is_read_in_either_case() -> None:
    token = tokens.mint_url_token()
    for spelled in (token, token.upper(), token.title()):
        assert tokens.is_url_token(spelled)
        assert tokens.url_token_digest(spelled) == tokens.url_token_digest(token)
        assert tokens.first_authentication_token(
            spelled, serial_number="a"
        ) == tokens.first_authentication_token(token, serial_number="a")


@pytest.mark.parametrize(
    "text",
    ["", TOKEN[:-1], TOKEN + "0", f" {TOKEN[1:]}", *(TOKEN[1:] + letter for letter in "iloU-_ é\0\n\u212a")],
)
def test_what_is_no_url_token_is_told_without_a_query(text: str) -> None:
    assert not tokens.is_url_token(text)


@pytest.mark.parametrize("kind", ["key", "test", "live"])
def test_an_api_key_is_recognised_whatever_its_kind(kind: str) -> None:
    key = tokens.mint_api_key(kind)
    assert key.startswith(f"pf_{kind}_")
    assert tokens.is_api_key(key)


def test_the_checksum_sees_each_single_typo() -> None:
    key = tokens.mint_api_key()
    prefix, body = key[:7], key[7:]
    typos = [
        prefix + body[:place] + letter + body[place + 1 :]
        for place in range(len(body))
        for letter in BASE62
        if letter != body[place]
    ]
    assert len(typos) == 36 * 61
    assert not any(tokens.is_api_key(typo) for typo in typos)


def test_the_checksum_sees_two_neighbours_swapped() -> None:
    key = tokens.mint_api_key()
    for place in range(7, len(key) - 1):
        swapped = key[:place] + key[place + 1] + key[place] + key[place + 2 :]
        assert tokens.is_api_key(swapped) == (swapped == key)


@given(st.text(max_size=60))
def test_no_other_text_is_an_api_key(text: str) -> None:
    assert not tokens.is_api_key(text)
    assert not tokens.is_api_key(f"pf_key_{text}")


@pytest.mark.parametrize("change", ["{}x", "{} ", " {}", "x{}", "{}\n"])
def test_a_key_with_something_around_it_is_none(change: str) -> None:
    assert not tokens.is_api_key(change.format(tokens.mint_api_key()))


def test_a_digest_is_sha_256_and_no_more() -> None:
    assert tokens.digest("secret") == hashlib.sha256(b"secret").digest()
    assert tokens.url_token_digest(TOKEN.upper()) == hashlib.sha256(TOKEN.encode()).digest()


def test_the_first_authentication_token_is_the_same_at_every_fetch_and_for_nothing_else() -> None:
    first = tokens.first_authentication_token(TOKEN, serial_number="0a")
    assert first == tokens.first_authentication_token(TOKEN, serial_number="0a")
    assert re.fullmatch(r"[0-9A-Za-z_-]{43}", first)
    others = {
        tokens.first_authentication_token(TOKEN, serial_number="0b"),
        tokens.first_authentication_token(TOKEN[::-1], serial_number="0a"),
    }
    assert first not in others
    assert len(others) == 2


def test_a_value_is_the_same_every_time_and_nobody_elses() -> None:
    secret, other = tokens.mint_value_secret(), tokens.mint_value_secret()
    values = [tokens.derive_value(secret, serial_number=f"{number:032x}") for number in range(2000)]
    assert values == [tokens.derive_value(secret, serial_number=f"{number:032x}") for number in range(2000)]
    assert len(set(values)) == 2000
    assert all(re.fullmatch(rf"[{BASE32}]{{26}}", value) for value in values)
    assert tokens.derive_value(other, serial_number=f"{0:032x}") not in values


def test_a_value_of_former_releases_is_still_the_same() -> None:
    # Scanners know the values that were printed: this one must never change.
    assert tokens.derive_value(b"\0" * 32, serial_number="0" * 32) == "yphnqm0cppzcet2xfmy2ttfhqr"

"""Thousands of bodies that Google never sent: each is refused in words, none is an error, none is a write."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from credentials.errors import Invalid
from redemption.models import GoogleIssuer, GoogleMessage
from tests.fakes.google import FakeGoogle
from tests.redemption.google.cards import post
from tests.redemption.google.messages import DOCUMENT, ISSUER, SIGNER, read, said, signed_text
from tests.redemption.standings import every_row

pytestmark = pytest.mark.django_db

GENUINE = SIGNER.envelope(said(), recipient=ISSUER)
URL = f"/google/callback/{ISSUER}"
# Members of the envelope, by the way to them.
PLACES = [
    *(("signature",), ("protocolVersion",), ("signedMessage",), ("intermediateSigningKey",)),
    *(("intermediateSigningKey", "signedKey"), ("intermediateSigningKey", "signatures")),
]

# Lone surrogates as well: JSON can write them, and no database takes them.
texts = st.text(st.characters(exclude_categories=[]), max_size=12)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


def _put(place: tuple[str, ...], value: Any) -> bytes:
    envelope = json.loads(GENUINE)
    part = envelope if len(place) == 1 else envelope[place[0]]
    part[place[-1]] = value
    return json.dumps(envelope).encode()


def _cut(position: int, length: int, instead: bytes) -> bytes:
    position %= len(GENUINE)
    return GENUINE[:position] + instead + GENUINE[position + length :]


forgeries = st.one_of(
    st.binary(max_size=60),
    values.map(lambda value: json.dumps(value).encode()),
    st.builds(_put, st.sampled_from(PLACES), values),
    st.builds(_put, st.just(("intermediateSigningKey", "signatures")), st.lists(texts | values, max_size=7)),
    st.builds(_cut, st.integers(0, 10_000), st.integers(0, 4), st.binary(max_size=4)),
)
# What Google might sign one day.
NAMES = ("nonce", "eventType", "classId", "objectId", "expTimeMillis", "count", "x")
members = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, values))

many = settings(
    max_examples=2_000,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def at_google(google: FakeGoogle, issuer: GoogleIssuer) -> Iterator[None]:
    """The keys are on record, and the log is quiet."""
    GoogleIssuer.objects.update(issuer_id=ISSUER)
    google.root_keys = DOCUMENT
    with _quiet():
        assert post(Client(), b"", url=URL).status_code == 400
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("at_google")
def test_no_forgery_is_believed_an_error_or_a_write(client: Client) -> None:
    before = every_row()

    @many
    @given(forgeries)
    @example(b'{"signature":"","intermediateSigningKey":{},"protocolVersion":"","signedMessage":"\\ud800"}')
    @example(_put(("intermediateSigningKey", "signatures"), [""] * 5))
    @example(b"[" * 60_000)
    def refuse(body: bytes) -> None:
        if not _is_believed(body):
            answer = post(client, body, url=URL)
            assert answer.status_code == 400
            assert set(answer.json()) == {"message", "field"}

    refuse()
    assert every_row() == before


def _is_believed(body: bytes) -> bool:
    """Only where a cut took what nobody signs: a blank, or nothing at all."""
    try:
        message = read(body)
    except Invalid:
        return False
    assert message == read(GENUINE)
    return True


@pytest.mark.usefixtures("at_google")
def test_whatever_google_signs_is_kept_or_refused(client: Client) -> None:
    @settings(many, max_examples=200)
    @given(members)
    def take(changes: dict[str, Any]) -> None:
        message = {**said(nonce="nonce-1"), **changes}
        body = signed_text(json.dumps(message))
        kept = GoogleMessage.objects.count()
        status = post(client, body, url=URL).status_code
        assert status in (200, 400)
        assert GoogleMessage.objects.count() <= kept + (status == 200)

    take()
    assert GoogleMessage.objects.filter(nonce="nonce-1").exists()

"""What a message of Google's costs the database, however many have come before."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import uuid4

import pytest
from django.test import Client

from redemption.google import root_keys, settling
from redemption.models import GoogleIssuer, GoogleMessage
from tests.fakes.google import FakeGoogle
from tests.fakes.google_signing import callback_message

Queries = Callable[[int], AbstractContextManager[object]]


@pytest.fixture
def post(client: Client, issuer: GoogleIssuer, google: FakeGoogle) -> Callable[[str], int]:
    """Posts a save with a nonce; the status."""
    root_keys.refresh_due()
    card, kind = f"{issuer.issuer_id}.card", f"{issuer.issuer_id}.kind"

    def send(nonce: str) -> int:
        message = callback_message("save", nonce=nonce, object_id=card, class_id=kind)
        body = google.signer.envelope(message, recipient=issuer.issuer_id)
        path = f"/google/callback/{issuer.issuer_id}"
        return client.post(path, body, content_type="application/json").status_code

    return send


def test_a_message_is_three_queries_and_so_is_its_double(
    post: Callable[[str], int], django_assert_num_queries: Queries
) -> None:
    post(str(uuid4()))
    nonce = str(uuid4())
    for _ in range(2):
        # The issuer, the root keys, and the message under its nonce.
        with django_assert_num_queries(3):
            assert post(nonce) == 200
    assert GoogleMessage.objects.count() == 2


def test_a_forgery_writes_nothing_and_asks_google_nothing(
    client: Client, issuer: GoogleIssuer, google: FakeGoogle, django_assert_num_queries: Queries
) -> None:
    root_keys.refresh_due()
    asked = len(google.requests)
    with django_assert_num_queries(2):
        answer = client.post(f"/google/callback/{issuer.issuer_id}", b"{}", content_type="application/json")
    assert answer.status_code == 400
    assert (len(google.requests), GoogleMessage.objects.count()) == (asked, 0)


def test_with_nothing_due_the_settler_asks_once(
    issuer: GoogleIssuer, google: FakeGoogle, django_assert_num_queries: Queries
) -> None:
    # The look-up and the savepoint around it.
    with django_assert_num_queries(3):
        assert settling.settle_due() == 0
    assert google.requests == []

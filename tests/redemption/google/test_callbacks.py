"""What Google is answered: 200 for what it signed for this issuer, once on record; a refusal is no write."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.robotparser import RobotFileParser

import pytest
import time_machine
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from credentials.models import Account
from passflow.client_ip import ClientIpMiddleware
from redemption.google import callbacks
from redemption.google.signatures import MOST_BODY, milliseconds, moment
from redemption.models import GoogleIssuer, GoogleMessage, GoogleRootKeys
from tests.fakes.google import FakeGoogle
from tests.fakes.google_signing import Signer, new_key
from tests.fakes.google_wire import Answer
from tests.redemption.google.cards import Card, deliver, post
from tests.redemption.standings import every_row

pytestmark = pytest.mark.django_db

VECTORS = json.loads(Path(__file__).with_name("vectors").joinpath("google-callback.json").read_text())
Status = GoogleMessage.Status


def message_of(card: Card, **changes: Any) -> dict[str, Any]:
    expires = milliseconds(timezone.now() + timedelta(minutes=10))
    message = {
        "classId": card.row.google_class.class_id,
        "objectId": card.object_id,
        "eventType": "save",
        "expTimeMillis": expires,
        "count": 1,
        "nonce": "nonce-1",
    }
    return {name: value for name, value in {**message, **changes}.items() if value is not None}


def signed(card: Card, *, signer: Signer | None = None, recipient: str = "", **changes: Any) -> bytes:
    recipient = recipient or card.object_id.partition(".")[0]
    return (signer or card.google.signer).envelope(message_of(card, **changes), recipient=recipient)


@pytest.fixture
def keys_known(client: Client, card: Card) -> Card:
    """The root keys are on record; no request needs to fetch them."""
    post(client, b"{}", url=card.url)
    assert GoogleRootKeys.objects.get().fetched_at == timezone.now()
    return card


def refused(client: Client, card: Card, body: bytes) -> tuple[int, dict[str, str]]:
    """Status and words of a refusal, which has written nothing."""
    before = every_row()
    answer = post(client, body, url=card.url)
    assert every_row() == before
    return answer.status_code, answer.json()


# --- What is signed ---------------------------------------------------------------------------------


def test_the_genuine_message_is_kept_by_the_issuer_it_is_for(
    client: Client, acme: Account, google: FakeGoogle
) -> None:
    vector = VECTORS["positive"][0]
    issuer = GoogleIssuer.objects.create(account=acme, issuer_id=vector["issuer_id"])
    google.root_keys = VECTORS["root_keys"]
    with time_machine.travel(moment(vector["verify_at_ms"]), tick=False):
        url = f"/google/callback/{issuer.issuer_id}"
        assert post(client, vector["raw_body"].encode(), url=url).status_code == 200
    message = GoogleMessage.objects.get()
    assert (message.issuer, message.event_type, message.status) == (issuer, "save", Status.PENDING)
    assert message.body == json.loads(vector["raw_body"])["signedMessage"]
    assert message.expires_at == moment(1734366082269)


@pytest.mark.parametrize("vector", VECTORS["negative"], ids=[each["name"] for each in VECTORS["negative"]])
def test_every_forgery_of_it_is_refused_and_leaves_no_trace(
    client: Client, acme: Account, google: FakeGoogle, vector: dict[str, Any]
) -> None:
    issuer = GoogleIssuer.objects.create(account=acme, issuer_id=vector["issuer_id"])
    google.root_keys = VECTORS["root_keys"]
    url = f"/google/callback/{issuer.issuer_id}"
    with time_machine.travel(moment(vector["verify_at_ms"]), tick=False):
        assert post(client, b"", url=url).status_code == 400
        before = every_row()
        answer = post(client, vector["raw_body"].encode(), url=url)
    assert answer.status_code == 400
    assert set(answer.json()) == {"message", "field"}
    assert every_row() == before


def test_a_message_is_answered_at_once_and_settled_later(client: Client, card: Card) -> None:
    card.save()
    assert deliver(client, card.google) == [200]
    message = GoogleMessage.objects.get()
    assert (message.status, message.due_at, message.attempts) == (Status.PENDING, timezone.now(), 0)
    assert card.asked() == 0


def test_the_same_message_again_is_answered_alike_and_kept_once(client: Client, card: Card) -> None:
    card.save()
    card.google.callbacks.double()
    assert deliver(client, card.google) == [200, 200]
    assert GoogleMessage.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"eventType": "activate", "objectId": None, "objectIds": ["a", "b"], "deviceContext": "x"},
        {"eventType": "save", "objectId": None},
        {"eventType": "SAVE"},
        {"eventType": "renamed"},
    ],
    ids=["activate", "no-object", "upper-case", "new"],
)
def test_a_message_of_another_kind_is_kept_and_means_nothing(
    client: Client, card: Card, change: dict[str, Any]
) -> None:
    assert post(client, signed(card, **change), url=card.url).status_code == 200
    message = GoogleMessage.objects.get()
    assert (message.status, message.due_at, message.settled_at) == (Status.IGNORED, None, timezone.now())
    assert json.loads(message.body)["eventType"] == change["eventType"]


def test_more_members_than_we_know_do_no_harm(client: Client, card: Card) -> None:
    assert post(client, signed(card, user="somebody", time=1), url=card.url).status_code == 200
    assert GoogleMessage.objects.get().status == Status.PENDING


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "", "multipart/form-data"])
def test_what_it_says_of_its_content_does_not_matter(client: Client, card: Card, content_type: str) -> None:
    answer = client.generic("POST", card.url, signed(card), content_type=content_type)
    assert answer.status_code == 200
    assert GoogleMessage.objects.count() == 1


def test_two_issuers_may_be_sent_the_same_nonce(client: Client, card: Card, globex: Account) -> None:
    other = GoogleIssuer.objects.create(account=globex, issuer_id="3388000000033000003")
    assert post(client, signed(card), url=card.url).status_code == 200
    url = f"/google/callback/{other.issuer_id}"
    assert post(client, signed(card, recipient=other.issuer_id), url=url).status_code == 200
    assert GoogleMessage.objects.count() == 2


# --- What is not ------------------------------------------------------------------------------------


def test_a_forger_is_told_why_in_words(
    client: Client, keys_known: Card, caplog: pytest.LogCaptureFixture
) -> None:
    forger = keys_known.google.signer.but(root=new_key())
    with caplog.at_level(logging.WARNING):
        status, words = refused(client, keys_known, signed(keys_known, signer=forger))
    assert status == 400
    assert words == {
        "message": "This key is not signed by a root key of Google's that is valid now.",
        "field": "intermediateSigningKey",
    }
    assert "is refused: This key is not signed" in caplog.text


def test_a_message_to_another_issuer_is_refused(client: Client, keys_known: Card, globex: Account) -> None:
    GoogleIssuer.objects.create(account=globex, issuer_id="3388000000033000003")
    body = signed(keys_known, recipient="3388000000033000003")
    assert refused(client, keys_known, body)[0] == 400


def test_an_expired_message_is_refused(client: Client, keys_known: Card) -> None:
    body = signed(keys_known, expTimeMillis=milliseconds(timezone.now()))
    assert refused(client, keys_known, body)[1]["field"] == "expTimeMillis"


@pytest.mark.parametrize("path", ["3388000000099999999", "0", "x", "--", "a" * 500])
def test_an_issuer_that_nobody_has_is_not_found(client: Client, card: Card, path: str) -> None:
    answer = post(client, signed(card), url=f"/google/callback/{path}")
    assert (answer.status_code, answer.json()) == (404, {"message": "There is no such issuer."})
    assert not GoogleMessage.objects.exists()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_post_is_taken(client: Client, card: Card, method: str) -> None:
    answer = client.generic(method, card.url, signed(card))
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_a_body_that_is_too_long_is_not_read_to_its_end(issuer: GoogleIssuer, google: FakeGoogle) -> None:
    request = RequestFactory(REMOTE_ADDR="127.0.0.1").post("/", b"x" * (MOST_BODY * 3), "text/plain")
    ClientIpMiddleware(lambda _: None)(request)  # type: ignore[arg-type,return-value]  # its answer is not used
    answer = callbacks.callback(request, issuer.issuer_id)
    assert answer.status_code == 413
    assert len(request.read()) == MOST_BODY * 2 - 1


def test_the_longest_body_is_still_read(client: Client, keys_known: Card) -> None:
    body = signed(keys_known)
    assert post(client, body + b" " * (MOST_BODY - len(body)), url=keys_known.url).status_code == 200
    assert refused(client, keys_known, body + b" " * (MOST_BODY - len(body) + 1))[0] == 413


@pytest.mark.parametrize("length", ["", "-1", "many"])
def test_no_length_that_is_claimed_is_an_error(client: Client, keys_known: Card, length: str) -> None:
    answer = client.post(keys_known.url, b"x", content_type="text/plain", CONTENT_LENGTH=length)
    assert answer.status_code == 400


def test_no_answer_is_kept_on_the_way(client: Client, keys_known: Card) -> None:
    for body in (signed(keys_known), b""):
        assert post(client, body, url=keys_known.url)["Cache-Control"] == "no-store"


# --- Root keys --------------------------------------------------------------------------------------


def test_without_root_keys_google_is_asked_to_come_back(
    client: Client, card: Card, clock: time_machine.Traveller
) -> None:
    card.google.always(Answer(500, "down"), "keys")
    answer = post(client, signed(card), url=card.url)
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert answer.json() == {"message": "Google's root keys cannot be fetched at the moment."}
    assert not GoogleMessage.objects.exists()
    card.google.recover()
    clock.shift(timedelta(seconds=30))
    assert post(client, signed(card), url=card.url).status_code == 200


def test_keys_that_are_valid_do_without_google(client: Client, keys_known: Card) -> None:
    keys_known.google.go_down()
    assert post(client, signed(keys_known), url=keys_known.url).status_code == 200


def test_no_forgery_makes_us_fetch(client: Client, keys_known: Card, clock: time_machine.Traveller) -> None:
    forgers = [
        keys_known.google.signer.but(**change) for change in ({"root": new_key()}, {"hand": new_key()})
    ]
    for minutes in range(4):
        clock.shift(timedelta(minutes=1))
        for number, forger in enumerate(forgers):
            body = signed(keys_known, signer=forger, nonce=f"{minutes}-{number}")
            assert refused(client, keys_known, body)[0] == 400
    assert len(keys_known.google.asked("keys")) == 1


# --- Limits -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("limited")
def test_an_address_sends_so_often_for_an_issuer(
    client: Client, keys_known: Card, settings: Settings, globex: Account
) -> None:
    other = GoogleIssuer.objects.create(account=globex, issuer_id="3388000000033000003")
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "google_callbacks": "3/m"}
    answers = [post(client, b"", url=keys_known.url).status_code for _ in range(4)]
    assert answers == [400, 400, 400, 429]
    assert 1 <= int(post(client, b"", url=keys_known.url)["Retry-After"]) <= 60
    elsewhere = client.post(keys_known.url, b"", content_type="text/plain", REMOTE_ADDR="198.51.100.7")
    assert elsewhere.status_code == 400
    assert post(client, b"", url=f"/google/callback/{other.issuer_id}").status_code == 400


def test_it_needs_no_cookie_and_no_csrf_token(card: Card) -> None:
    assert post(Client(enforce_csrf_checks=True), signed(card), url=card.url).status_code == 200


def test_googlebot_may_come_here(client: Client) -> None:
    robots = RobotFileParser()
    robots.parse(client.get("/robots.txt").content.decode().splitlines())
    assert robots.can_fetch("Googlebot", "https://pass.example.com/google/callback/3388000000022000001")
    assert not robots.can_fetch("Googlebot", "https://pass.example.com/passes/x")

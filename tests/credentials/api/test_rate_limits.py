"""How often one key may call, and how often one address may try keys."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django import Settings

from credentials import tokens
from credentials.models import Account, Person
from credentials.scopes import Scope
from tests import factories
from tests.callers import Caller
from tests.counters import begin_anew

pytestmark = pytest.mark.usefixtures("limited")

ADA = {"first_name": "Ada", "last_name": "Lovelace"}


@pytest.fixture(autouse=True)
def three_a_minute(settings: Settings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "api": "3/m"}


def remaining(header: str) -> int:
    found = re.fullmatch(r'"api";r=(\d+);t=([1-9]\d*)', header)
    assert found is not None, header
    return int(found[1])


def test_every_answer_says_what_is_left(caller: Caller) -> None:
    answers = [caller.get("people"), caller.get("people/9"), caller.post("people", {})]
    assert [answer.status_code for answer in answers] == [200, 404, 422]
    assert [remaining(answer["RateLimit"]) for answer in answers] == [2, 1, 0]
    assert {answer["RateLimit-Policy"] for answer in answers} == {'"api";q=3;w=60'}
    assert all("Retry-After" not in answer for answer in answers)


def test_one_too_many_is_told_when_to_come_back(caller: Caller) -> None:
    for _ in range(3):
        assert caller.get("people").status_code == 200
    answer = caller.post("people", ADA, Idempotency_Key="once")
    assert answer.status_code == 429
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["error"] == "rate_limited"
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert remaining(answer["RateLimit"]) == 0
    assert not Person.objects.exists()


def test_a_refusal_by_the_limit_is_not_remembered(caller: Caller, settings: Settings) -> None:
    for _ in range(3):
        caller.get("people")
    assert caller.post("people", ADA, Idempotency_Key="once").status_code == 429
    begin_anew(settings)
    answer = caller.post("people", ADA, Idempotency_Key="once")
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer


def test_each_key_has_a_limit_of_its_own(caller: Caller, acme: Account) -> None:
    for _ in range(4):
        caller.get("people")
    assert Caller.of(acme).get("people").status_code == 200


def test_an_address_that_tries_keys_is_stopped(caller: Caller) -> None:
    stranger = Caller(tokens.mint_api_key())
    assert [stranger.get("people").status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    assert stranger.get("people").json()["error"] == "rate_limited"
    # Others behind the same address go on.
    assert caller.get("people").status_code == 200


def test_calls_that_the_key_may_not_make_are_counted(acme: Account) -> None:
    caller = Caller(factories.api_key(acme, scopes=[Scope.EVENT_READONLY]))
    answers = [*[caller.get("people") for _ in range(2)], caller.get("events"), caller.get("people")]
    assert [answer.status_code for answer in answers] == [403, 403, 200, 429]
    assert [remaining(answer["RateLimit"]) for answer in answers] == [2, 1, 0, 0]
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic YWRhOnNlY3JldA=="}, {"authorization": "x"}])
def test_calls_without_a_key_are_counted(client: Client, db: None, headers: dict[str, str]) -> None:
    answers = [client.get("/api/v3/people", headers=headers) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert [remaining(answer["RateLimit"]) for answer in answers] == [2, 1, 0, 0]
    assert answers[-1].json()["error"] == "rate_limited"
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    elsewhere = client.get("/api/v3/people", headers=headers, REMOTE_ADDR="198.51.100.7")
    assert elsewhere.status_code == 401
    # What describes the API is for everybody, and a method that is not there needs a key to be told so.
    assert client.get("/api/v3/openapi.json").status_code == 200
    assert client.put("/api/v3/people", headers=headers).status_code == 429


def test_an_account_mints_so_many_urls_whatever_keys_it_uses(
    caller: Caller, acme: Account, globex: Account, settings: Settings
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "api": "100/m", "minted_urls": "3/m"}
    credential = factories.credential(acme)
    kind = {"credential_type_id": factories.credential_type(acme).pk}
    other = Caller.of(acme)
    calls = [
        caller.post("credentials", {**kind, "person_id": factories.person(acme).pk}),
        other.post(f"people/{factories.person(acme).pk}/credentials", kind),
        other.post(f"credentials/{credential.public_id}/url", {}),
        caller.post(f"credentials/{credential.public_id}/url", {}),
        other.post(f"people/{factories.person(acme).pk}/credentials", kind),
    ]
    assert [answer.status_code for answer in calls] == [201, 201, 201, 429, 429]
    assert calls[3].json()["error"] == "rate_limited"
    assert 1 <= int(calls[3]["Retry-After"]) <= 60
    assert calls[3]["RateLimit-Policy"] == '"minted_urls";q=3;w=60'
    assert calls[2]["RateLimit-Policy"] == '"api";q=100;w=60'
    assert credential.urls.count() == 2
    # Looking makes none, and neighbours have their own.
    assert caller.get("credentials").status_code == 200
    theirs = factories.credential(globex)
    assert Caller.of(globex).post(f"credentials/{theirs.public_id}/url", {}).status_code == 201

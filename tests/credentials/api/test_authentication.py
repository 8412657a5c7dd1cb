"""Who is let in: a live key as a bearer token, and nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from credentials import tokens
from credentials.apikeys import revoke_api_key
from credentials.models import Account, ApiKey
from credentials.scopes import Scope
from tests import factories
from tests.callers import Caller


def test_a_live_key_is_let_in(caller: Caller) -> None:
    assert caller.get("people").status_code == 200


def test_without_a_key_the_answer_is_a_challenge(db: None) -> None:
    answer = Caller("").get("people")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="PassFlow"'
    assert answer.json()["error"] == "unauthorized"


@pytest.mark.parametrize("scheme", ["Basic", "Token", "ApplePass"])
def test_another_scheme_is_no_key(caller: Caller, scheme: str) -> None:
    answer = caller.get("people", Authorization=f"{scheme} {caller.key}")
    assert answer.status_code == 401
    assert answer.json()["error"] == "unauthorized"


def test_the_scheme_is_read_in_any_case(caller: Caller) -> None:
    assert caller.get("people", Authorization=f"bEARER {caller.key}").status_code == 200


@pytest.mark.parametrize(
    "key", ["", "x", "pf_key_", "pf_key_" + "a" * 36, "é" * 36, "pf_key_" + "é" * 36, "Bearer x", "a b c"]
)
def test_a_malformed_key_is_refused_before_any_query(db: None, key: str) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = Client().get("/api/v3/people", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_token"
    assert answer["WWW-Authenticate"] == 'Bearer realm="PassFlow", error="invalid_token"'
    assert len(queries) == 0


def test_a_well_formed_key_that_nobody_minted_is_refused(db: None) -> None:
    answer = Caller(tokens.mint_api_key()).get("people")
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_token"


def test_a_revoked_key_is_refused_like_an_unknown_one(caller: Caller) -> None:
    unknown = Caller(tokens.mint_api_key()).get("people").json()
    revoke_api_key(ApiKey.objects.get(), actor="test")
    revoked = caller.get("people").json()
    assert revoked["error"] == "invalid_token"
    assert {**revoked, "instance": ""} == {**unknown, "instance": ""}


def test_the_last_use_is_noted_at_most_once_a_minute(caller: Caller) -> None:
    caller.get("people")
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    caller.get("people")
    assert ApiKey.objects.get().last_used_at == first

    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    caller.get("people")
    last = ApiKey.objects.get().last_used_at
    assert last is not None
    assert last >= first


def test_a_key_acts_for_its_own_account(caller: Caller, globex: Account) -> None:
    factories.person(globex)
    assert caller.get("people").json() == []


def test_a_missing_scope_is_named(acme: Account) -> None:
    answer = Caller.of(acme, scopes=[Scope.WEBHOOK]).get("people")
    assert answer.status_code == 403
    assert answer.json()["error"] == "forbidden"
    assert answer.json()["detail"] == "This API key lacks the scope account.person.readonly."


def test_writing_needs_more_than_the_scope_to_read(acme: Account) -> None:
    reader = Caller.of(acme, scopes=[Scope.PERSON_READONLY])
    assert reader.get("people").status_code == 200
    answer = reader.post("people", {"first_name": "Ada", "last_name": "Lovelace"})
    assert answer.status_code == 403
    assert answer.json()["detail"] == "This API key lacks the scope account.person."


def test_the_scope_to_write_includes_the_one_to_read(acme: Account) -> None:
    assert Caller.of(acme, scopes=[Scope.PERSON]).get("people").status_code == 200


def test_no_answer_shows_the_key(caller: Caller) -> None:
    for answer in (caller.get("people"), caller.get("nothing"), caller.post("people", {})):
        assert caller.key not in answer.content.decode() + str(answer.headers)

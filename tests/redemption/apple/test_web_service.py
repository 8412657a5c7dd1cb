"""Apple's web service: each endpoint, with what devices send and with what they never should."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from credentials import lifecycle, people
from credentials.models import Account, Credential, Event, WalletPass
from credentials.states import PassState, State
from redemption.models import AppleAuthenticationToken, AppleDevice, ApplePass, AppleRegistration
from tests import factories
from tests.fakes.pki import PASS_TYPE
from tests.redemption.apple.claimed import (
    PUSH_TOKEN,
    WATCH,
    Claimed,
    claim,
    claim_url,
    listed,
    register,
)
from webhooks.endpoints import create_endpoint

Reader = Callable[[bytes], dict[str, Any]]


def test_the_first_registration_puts_the_pass_into_the_wallet(client: Client, claimed: Claimed) -> None:
    assert register(client, claimed).status_code == 201
    claimed.reload()
    assert claimed.credential.state == State.ADDED_TO_WALLET
    assert claimed.wallet_pass.state == PassState.INSTALLED
    assert claimed.wallet_pass.devices == 1
    assert Event.objects.latest("id").actor == "apple"


def statements_of_registering(client: Client, claimed: Claimed) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        assert register(client, claimed).status_code == 201
    return [query["sql"] for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]


def test_registering_takes_eight_queries_at_most(client: Client, claimed: Claimed) -> None:
    statements = statements_of_registering(client, claimed)
    assert len(statements) <= 8, "\n".join(statements)


def test_a_webhook_on_top_costs_one_query(client: Client, claimed: Claimed) -> None:
    create_endpoint(claimed.credential.account, url="https://hooks.example/x", event_types=[], actor="test")
    statements = statements_of_registering(client, claimed)
    # PostgreSQL also announces the event's place in the order of the trail; SQLite looks at the token twice.
    assert len(statements) <= 9, "\n".join(statements)


def test_registering_again_is_an_upsert(client: Client, claimed: Claimed) -> None:
    register(client, claimed)
    assert register(client, claimed, push_token="CD" * 32).status_code == 200
    assert AppleDevice.objects.get().push_token == "cd" * 32
    assert AppleRegistration.objects.count() == 1
    assert Event.objects.filter(type="credential.added_to_wallet").count() == 1


def test_a_new_push_token_serves_every_pass_of_the_device(
    client: Client, acme: Account, acme_identity: object
) -> None:
    first, second = claim(acme), claim(acme)
    register(client, first)
    register(client, second)
    register(client, second, push_token="ef" * 32)
    assert AppleDevice.objects.get().push_token == "ef" * 32


def test_phone_and_watch_share_a_pass(client: Client, claimed: Claimed) -> None:
    register(client, claimed)
    assert register(client, claimed, WATCH).status_code == 201
    claimed.reload()
    assert claimed.wallet_pass.devices == 2
    assert Event.objects.filter(type="credential.added_to_wallet").count() == 1


def test_the_url_works_again_when_the_last_device_is_gone(client: Client, claimed: Claimed) -> None:
    register(client, claimed)
    register(client, claimed, WATCH)
    assert client.delete(claimed.registration(), headers=claimed.authorization).status_code == 200
    claimed.reload()
    assert (claimed.credential.state, claimed.wallet_pass.devices) == (State.ADDED_TO_WALLET, 1)
    assert client.delete(claimed.registration(WATCH), headers=claimed.authorization).status_code == 200
    claimed.reload()
    assert claimed.credential.state == State.REMOVED_FROM_WALLET
    assert claimed.wallet_pass.state == PassState.REMOVED


def test_unregistering_what_was_never_registered_is_fine(client: Client, claimed: Claimed) -> None:
    assert client.delete(claimed.registration(), headers=claimed.authorization).status_code == 200
    claimed.reload()
    assert claimed.credential.state == State.INVITED


def test_automatic_updates_off_and_on_installs_again(client: Client, claimed: Claimed) -> None:
    register(client, claimed)
    client.delete(claimed.registration(), headers=claimed.authorization)
    assert register(client, claimed).status_code == 201
    claimed.reload()
    assert claimed.credential.state == State.ADDED_TO_WALLET


def test_a_pass_that_lost_is_accepted_voided_and_told(
    client: Client, acme: Account, acme_identity: object, read: Reader
) -> None:
    credential, url = factories.credential_and_url(acme)
    loser = claim_url(credential, url)
    WalletPass.objects.filter(pk=loser.wallet_pass.pk).update(
        offered_at=timezone.now() - timedelta(minutes=11)
    )
    winner = claim_url(credential, url)
    assert winner.wallet_pass != loser.wallet_pass
    register(client, winner)
    assert register(client, loser, "other-phone-000").status_code == 201
    loser.reload()
    assert loser.wallet_pass.state == PassState.VOIDED
    assert AppleDevice.objects.get(device_library_identifier="other-phone-000").push_due_at is not None
    file = client.get(loser.path, headers=loser.authorization)
    assert read(file.content)["voided"] is True


@pytest.mark.parametrize("method", ["post", "delete"])
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "ApplePass",
        "ApplePass ",
        "Bearer {text}",
        "ApplePass x{text}",
        "{text}",
        "ApplePass \x00",
        "ApplePass é",
    ],
)
def test_a_registration_without_its_token_is_401(
    client: Client, claimed: Claimed, method: str, header: str | None
) -> None:
    headers = {} if header is None else {"authorization": header.format(text=claimed.text)}
    send = getattr(client, method)
    answer = send(
        claimed.registration(), {"pushToken": PUSH_TOKEN}, content_type="application/json", headers=headers
    )
    assert answer.status_code == 401
    claimed.reload()
    assert claimed.credential.state == State.INVITED


@pytest.mark.skipif(connection.vendor != "sqlite", reason="where a transaction begins with a lock")
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_a_stranger_holds_nobody_up(client: Client, claimed: Claimed, method: str) -> None:
    path = claimed.path if method == "get" else claimed.registration()
    body = {"data": {"pushToken": PUSH_TOKEN}, "content_type": "application/json"} if method == "post" else {}
    with CaptureQueriesContext(connection) as queries:
        answer = getattr(client, method)(path, headers={"authorization": "ApplePass stranger"}, **body)
    assert answer.status_code == 401
    assert not [query for query in queries if "SAVEPOINT" in query["sql"]]


def test_another_passs_token_is_401(
    client: Client, claimed: Claimed, globex: Account, globex_identity: object
) -> None:
    foreign = claim(globex)
    answer = client.post(
        claimed.registration(),
        {"pushToken": PUSH_TOKEN},
        content_type="application/json",
        headers=foreign.authorization,
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 20_000, "body"),
        (b'{"pushToken": "' + b"a" * 70_000 + b'"}', "body"),
        (b"{}", "pushToken"),
        (b'{"pushToken": 5}', "pushToken"),
        (b'{"pushToken": ""}', "pushToken"),
        (b'{"pushToken": "zz"}', "pushToken"),
        (b'{"pushToken": "../../3/device/ab"}', "pushToken"),
        (b'{"pushToken": "' + b"a" * 201 + b'"}', "pushToken"),
    ],
)
def test_a_bad_body_names_the_field_and_changes_nothing(
    client: Client, claimed: Claimed, body: bytes, field: str
) -> None:
    answer = client.post(
        claimed.registration(), body, content_type="application/json", headers=claimed.authorization
    )
    assert answer.status_code == 400
    assert answer.json()["field"] == field
    assert not AppleDevice.objects.exists()


@pytest.mark.parametrize("serial", ["unknown", "%00", "a/b", "é", "x" * 101, "%2e%2e%2f"])
def test_an_unknown_or_impossible_serial_is_refused(client: Client, claimed: Claimed, serial: str) -> None:
    for path in (
        f"/apple/v1/devices/d/registrations/{PASS_TYPE}/{serial}",
        f"/apple/v1/passes/{PASS_TYPE}/{serial}",
    ):
        answer = client.get(path) if "passes/" in path else client.delete(path, headers=claimed.authorization)
        assert answer.status_code in (401, 404)


@pytest.mark.parametrize(("method", "status"), [("get", 405), ("put", 405), ("patch", 405)])
def test_registrations_know_two_methods(client: Client, claimed: Claimed, method: str, status: int) -> None:
    assert (
        getattr(client, method)(claimed.registration(), headers=claimed.authorization).status_code == status
    )


def test_the_first_list_names_every_pass_of_the_device(client: Client, claimed: Claimed) -> None:
    register(client, claimed)
    answer = listed(client)
    assert answer.status_code == 200
    assert answer.json()["serialNumbers"] == [claimed.wallet_pass.serial_number]
    assert isinstance(answer.json()["lastUpdated"], str)


def test_an_unknown_device_has_nothing_to_fetch(client: Client, claimed: Claimed) -> None:
    assert listed(client, "nobody").status_code == 204


def test_nothing_changed_is_204(client: Client, claimed: Claimed) -> None:
    register(client, claimed)
    tag = listed(client).json()["lastUpdated"]
    assert listed(client, since=tag).status_code == 204


@pytest.mark.parametrize("tag", ["", "x", "-1", "1e3", "9" * 30, "2026-01-01T00:00:00 00:00", "٣", "\x00"])
def test_a_tag_that_is_not_ours_means_everything(client: Client, claimed: Claimed, tag: str) -> None:
    register(client, claimed)
    assert listed(client, since=tag).json()["serialNumbers"] == [claimed.wallet_pass.serial_number]


def test_every_change_moves_the_tag_and_the_time(client: Client, claimed: Claimed, read: Reader) -> None:
    register(client, claimed)
    tag = listed(client).json()["lastUpdated"]
    seen = []
    for order in (lifecycle.suspend, lifecycle.resume, lifecycle.suspend):
        order(claimed.credential, actor="test")
        answer = listed(client, since=tag).json()
        assert answer["serialNumbers"] == [claimed.wallet_pass.serial_number]
        assert int(answer["lastUpdated"]) > int(tag)
        tag = answer["lastUpdated"]
        file = client.get(claimed.path, headers=claimed.authorization)
        claimed.text = read(file.content)["authenticationToken"]
        seen.append(file["Last-Modified"])
    assert len(set(seen)) == 3


def test_a_pass_that_has_not_changed_is_304(client: Client, claimed: Claimed, read: Reader) -> None:
    register(client, claimed)
    file = client.get(claimed.path, headers=claimed.authorization)
    assert file.status_code == 200
    assert file["Content-Type"] == "application/vnd.apple.pkpass"
    text = read(file.content)["authenticationToken"]
    headers = {"authorization": f"ApplePass {text}", "if-modified-since": file["Last-Modified"]}
    again = client.get(claimed.path, headers=headers)
    assert again.status_code == 304
    assert again["Last-Modified"] == file["Last-Modified"]
    lifecycle.suspend(claimed.credential, actor="test")
    assert client.get(claimed.path, headers=headers).status_code == 200


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 01 Jan 1970 00:00:00 GMT", "\x00", "9" * 500])
def test_an_odd_date_gets_the_whole_pass(client: Client, claimed: Claimed, date: str) -> None:
    headers = {**claimed.authorization, "if-modified-since": date}
    assert client.get(claimed.path, headers=headers).status_code == 200


def test_head_tells_what_get_would_and_rotates_nothing(client: Client, claimed: Claimed) -> None:
    register(client, claimed)
    answer = client.head(claimed.path, headers=claimed.authorization)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer["Content-Length"]) > 1000
    assert AppleAuthenticationToken.objects.count() == 1


def test_without_a_token_there_is_no_pass(client: Client, claimed: Claimed) -> None:
    answer = client.get(claimed.path)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "ApplePass"


@pytest.mark.parametrize("standing", ["suspended", "revoked", "disabled", "expired"])
def test_the_pass_says_where_it_stands(client: Client, claimed: Claimed, standing: str, read: Reader) -> None:
    register(client, claimed)
    claimed.reload()
    active = read(client.get(claimed.path, headers=claimed.authorization).content)
    assert not active.get("voided")
    claimed.text = active["authenticationToken"]
    value = active["barcodes"][0]["message"]
    if standing == "suspended":
        lifecycle.suspend(claimed.credential, actor="test")
    elif standing == "revoked":
        lifecycle.revoke(claimed.credential, actor="test")
    elif standing == "disabled":
        people.update_person(claimed.credential.person, enabled=False, actor="test")
    else:
        past = timezone.now() - timedelta(seconds=1)
        Credential.objects.filter(pk=claimed.credential.pk).update(expires_at=past)
        lifecycle.expire(claimed.credential)
    assert listed(client).status_code == 200
    file = client.get(claimed.path, headers=claimed.authorization)
    shown = read(file.content)
    assert shown["voided"] is True
    assert value.encode() not in file.content
    assert "barcodes" not in shown
    assert shown["generic"]["headerFields"][0]["value"] == {"disabled": "Suspended"}.get(
        standing, standing.title()
    )


def test_the_undocumented_lifecycle_call_is_answered(client: Client, claimed: Claimed) -> None:
    body = {"passState": "installed"}
    path = f"{claimed.path}/passLifecycleUpdate"
    assert client.post(path, body, content_type="application/json").status_code == 200


def test_without_a_valid_certificate_an_update_waits(client: Client, claimed: Claimed) -> None:
    register(client, claimed)
    ApplePass.objects.get().pass_type.identities.update(not_after=timezone.now())
    assert client.get(claimed.path, headers=claimed.authorization).status_code == 503

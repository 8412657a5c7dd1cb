"""Google's root keys: fetched in time and seldom, kept for all processes, never because a forger wants it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from credentials.errors import Unavailable
from redemption import tasks
from redemption.google import root_keys
from redemption.google.signatures import milliseconds, read_root_keys
from redemption.models import GoogleIssuer, GoogleRootKeys
from tests.fakes.google import FakeGoogle, Fault
from tests.fakes.google_wire import Answer
from tests.redemption.google.messages import SIGNER

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """It is NOW; database and fake keep no time of their own here."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def published(google: FakeGoogle, clock: object) -> FakeGoogle:
    """Google publishes a key that is valid for two days, to be kept for an hour."""
    google.root_keys = document(days=2)
    return google


def document(*, days: float, signer: Any = SIGNER, **more: Any) -> dict[str, Any]:
    key = signer.root_keys()["keys"][0]
    key["keyExpiration"] = str(milliseconds(datetime.now(UTC) + timedelta(days=days)))
    return {"keys": [key], **more}


def valid() -> list[str]:
    return [key.key_value for key in root_keys.valid_keys(now=datetime.now(UTC))]


def asked(google: FakeGoogle) -> int:
    return len(google.asked("keys"))


def ours() -> list[str]:
    return [key["keyValue"] for key in SIGNER.root_keys()["keys"]]


def test_the_first_who_needs_keys_fetches_them_for_all(google: FakeGoogle) -> None:
    assert valid() == ours()
    assert [valid() for _ in range(10)] == [ours()] * 10
    assert asked(google) == 1


def test_keys_are_used_until_they_end_and_no_longer(
    google: FakeGoogle, clock: time_machine.Traveller
) -> None:
    valid()
    google.go_down()
    clock.shift(timedelta(days=2, milliseconds=-1))
    assert valid() == ours()
    clock.shift(timedelta(milliseconds=1))
    with pytest.raises(Unavailable, match="root keys cannot be fetched"):
        valid()


def test_whoever_asks_while_there_are_none_makes_one_request_in_half_a_minute(
    google: FakeGoogle, clock: time_machine.Traveller
) -> None:
    google.always(Answer(500, "down"), "keys")
    for _ in range(5):
        with pytest.raises(Unavailable):
            valid()
    assert asked(google) == 1
    clock.shift(timedelta(seconds=29))
    with pytest.raises(Unavailable):
        valid()
    assert asked(google) == 1
    google.recover()
    clock.shift(timedelta(seconds=1))
    assert valid() == ours()
    assert asked(google) == 2


def test_they_are_refreshed_when_half_of_their_time_is_over(
    google: FakeGoogle, issuer: GoogleIssuer, clock: time_machine.Traveller
) -> None:
    tasks.refresh_google_root_keys.run()
    clock.shift(timedelta(minutes=29))
    tasks.refresh_google_root_keys.run()
    assert asked(google) == 1
    clock.shift(timedelta(minutes=1))
    google.root_keys = document(days=9)
    tasks.refresh_google_root_keys.run()
    tasks.refresh_google_root_keys.run()
    assert asked(google) == 2
    clock.shift(timedelta(days=8))
    google.go_down()
    assert valid() == ours()


def test_without_an_issuer_nothing_is_fetched(google: FakeGoogle) -> None:
    tasks.refresh_google_root_keys.run()
    assert asked(google) == 0
    assert not GoogleRootKeys.objects.exists()


@pytest.mark.parametrize(
    ("headers", "lifetime"),
    [
        ({"Cache-Control": "public, max-age=7200, must-revalidate"}, timedelta(hours=2)),
        ({"Cache-Control": "max-age=7200", "Age": "1200"}, timedelta(seconds=6000)),
        ({"Cache-Control": "max-age=7200", "Age": "old"}, timedelta(hours=2)),
        ({"Cache-Control": 'Max-Age="600"'}, timedelta(minutes=10)),
        ({"Cache-Control": "s-max-age=600"}, timedelta(hours=1)),
        ({"Cache-Control": "max-age=1"}, root_keys.SHORTEST),
        ({"Cache-Control": "max-age=60", "Age": "999999"}, root_keys.SHORTEST),
        ({"Cache-Control": "no-store"}, root_keys.SHORTEST),
        ({"Cache-Control": "private, no-cache, max-age=7200"}, root_keys.SHORTEST),
        ({"Cache-Control": "max-age=999999999"}, timedelta(days=2)),
        ({"Cache-Control": "max-age=soon"}, timedelta(hours=1)),
        ({}, timedelta(hours=1)),
    ],
)
def test_how_long_an_answer_is_fresh(
    google: FakeGoogle, headers: dict[str, str], lifetime: timedelta
) -> None:
    google.script("keys", [Answer(200, google.root_keys, headers)])
    assert valid() == ours()
    assert GoogleRootKeys.objects.get().fresh_until == NOW + lifetime


def test_no_answer_is_kept_for_more_than_a_week(google: FakeGoogle) -> None:
    headers = {"Cache-Control": "max-age=999999999"}
    google.script("keys", [Answer(200, document(days=3650), headers)])
    valid()
    assert GoogleRootKeys.objects.get().fresh_until == NOW + timedelta(days=7)


@pytest.mark.parametrize(
    "outcome",
    [
        Answer(500, "down"),
        Answer(302, "", {"Location": "http://127.0.0.1:1/"}),
        Answer(200, "<p>not JSON</p>"),
        Answer(200, {"keys": []}),
        Answer(200, {"keys": [{"keyValue": "x", "protocolVersion": "ECv2SigningOnly"}]}),
        Answer(200, ["keys"]),
        Answer(200, "x" * 1_100_000),
        Answer(404, {"keys": []}),
        Fault.DROP,
    ],
    ids=range(9),
)
def test_an_answer_without_keys_leaves_those_that_are_there(
    google: FakeGoogle,
    issuer: GoogleIssuer,
    clock: time_machine.Traveller,
    caplog: pytest.LogCaptureFixture,
    outcome: Answer | Fault,
) -> None:
    valid()
    clock.shift(timedelta(minutes=40))
    google.script("keys", [outcome] * 5)
    with caplog.at_level(logging.WARNING):
        tasks.refresh_google_root_keys.run()
    assert valid() == ours()
    assert [record.levelname for record in caplog.records if record.name == root_keys.__name__] == ["WARNING"]
    assert asked(google) == 2


def test_no_keys_at_all_are_an_error_in_the_log(google: FakeGoogle, caplog: pytest.LogCaptureFixture) -> None:
    google.script("keys", [Answer(200, document(days=-1))])
    with pytest.raises(Unavailable):
        valid()
    assert "0 are still valid" in caplog.text
    assert caplog.records[-1].levelname == "ERROR"


def test_only_keys_that_can_sign_are_kept_and_no_more_of_each_than_that(google: FakeGoogle) -> None:
    keys = document(days=2)["keys"]
    other = {**keys[0], "protocolVersion": "ECv1"}
    google.root_keys = {"keys": [other, *keys, {**keys[0], "keyValue": "AAAA"}, *keys * 30], "more": "of it"}
    assert len(valid()) == root_keys.MOST_KEYS
    kept = GoogleRootKeys.objects.get().document
    assert set(kept) == {"keys"}
    assert all(set(key) == {"keyValue", "protocolVersion", "keyExpiration"} for key in kept["keys"])
    assert read_root_keys(json.loads(json.dumps(kept)))[0].key_value == ours()[0]


def test_another_address_has_keys_of_its_own(google: FakeGoogle, settings: Any) -> None:
    valid()
    settings.GOOGLE_ROOT_KEYS_URL = f"{google.root_keys_url}/elsewhere"
    google.script("keys", [Answer(404, {})])
    with pytest.raises(Unavailable):
        valid()
    assert GoogleRootKeys.objects.count() == 2

"""Asking for a replay, following it, cancelling it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from credentials.models import Account
from tests import factories
from tests.webhooks.callers import Caller
from tests.webhooks.receivers import Hook, hook_to
from webhooks import endpoints
from webhooks.dispatch import deliver_due
from webhooks.models import Delivery, Replay
from webhooks.replays import replay_due


def _ago(**time: int) -> str:
    return (timezone.now() - timedelta(**time)).isoformat()


def _replay(caller: Caller, hook: Hook, **body: Any) -> Any:
    path = f"webhook_endpoints/{hook.endpoint.public_id}/replay"
    return caller.post(path, {"since": _ago(hours=1), **body})


def _show(caller: Caller, hook: Hook, replay: dict[str, Any]) -> Any:
    return caller.get(f"webhook_endpoints/{hook.endpoint.public_id}/replays/{replay['id']}").json()


def _cancel(caller: Caller, hook: Hook, replay: dict[str, Any]) -> Any:
    return caller.post(f"webhook_endpoints/{hook.endpoint.public_id}/replays/{replay['id']}/cancel")


def test_a_replay_is_followed_to_its_end(caller: Caller, hook: Hook, acme: Account) -> None:
    credential = factories.credential(acme)
    deliver_due()
    since = datetime.now(UTC) - timedelta(minutes=5)
    answer = _replay(
        caller,
        hook,
        since=since.isoformat(),
        types=["credential.created"],
        credential_id=credential.public_id,
    )
    assert answer.status_code == 202
    shown = answer.json()
    assert (shown["status"], shown["total"], shown["done"]) == ("running", None, 0)
    assert shown["since"] == since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert (shown["types"], shown["only_failed"]) == (["credential.created"], False)
    assert shown["credential_id"] == credential.public_id
    assert shown["finished_at"] is None

    replay_due()
    after = _show(caller, hook, shown)
    assert (after["status"], after["total"], after["done"]) == ("completed", 1, 1)
    assert after["finished_at"].endswith("Z")
    assert deliver_due() == {"succeeded": 1}
    first, second = hook.receiver.received
    assert (first.message_id, first.body) == (second.message_id, second.body)


def test_replays_are_listed_newest_first(caller: Caller, hook: Hook, acme: Account) -> None:
    other = hook_to(hook.receiver, account=acme)
    asked = []
    for _ in range(2):
        asked.append(_replay(caller, hook).json()["id"])
        replay_due()
    answer = caller.get(f"webhook_endpoints/{hook.endpoint.public_id}/replays")
    assert [replay["id"] for replay in answer.json()] == asked[::-1]
    assert answer["X-Total-Results"] == "2"
    assert caller.get(f"webhook_endpoints/{other.endpoint.public_id}/replays").json() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"since": None}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "since"),
        ({"since": _ago(hours=-1)}, "since"),
        ({"since": _ago(days=91)}, "since"),
        ({"since": _ago(days=31)}, "until"),
        ({"since": _ago(days=2), "until": _ago(days=3)}, "until"),
        ({"until": "soon"}, "until"),
        ({"types": ["credential.created", "credential.lost"]}, "types"),
        ({"types": ["webhook.test"]}, "types"),
        ({"types": ["person.created"]}, "types"),
        ({"types": "credential.created"}, "types"),
        ({"only_failed": "yes"}, "only_failed"),
        ({"credential_id": "unknown"}, "credential_id"),
    ],
)
def test_what_cannot_be_replayed_is_named(
    caller: Caller, hook: Hook, body: dict[str, Any], field: str
) -> None:
    answer = _replay(caller, hook, **body)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert not Replay.objects.exists()


def test_since_is_required(caller: Caller, hook: Hook) -> None:
    answer = caller.post(f"webhook_endpoints/{hook.endpoint.public_id}/replay", {})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["since"])


def test_the_unknown_types_are_named(caller: Caller, hook: Hook) -> None:
    refused = _replay(caller, hook, types=["credential.lost", "credential.created", "credential.found"])
    assert "credential.found, credential.lost" in str(refused.json()["errors"]["types"])


def test_an_end_in_the_future_is_now(caller: Caller, hook: Hook) -> None:
    assert _replay(caller, hook, until=_ago(hours=-5)).status_code == 202
    assert Replay.objects.get().until <= timezone.now()


def test_the_whole_of_what_is_kept_can_be_replayed(caller: Caller, hook: Hook) -> None:
    answer = _replay(caller, hook, since=_ago(days=89), until=_ago(days=60))
    assert answer.status_code == 202


def test_another_account_s_credential_is_unknown(caller: Caller, hook: Hook, globex: Account) -> None:
    theirs = factories.credential(globex).public_id
    assert list(_replay(caller, hook, credential_id=theirs).json()["errors"]) == ["credential_id"]


def test_one_replay_runs_at_a_time(caller: Caller, hook: Hook, acme: Account) -> None:
    assert _replay(caller, hook).status_code == 202
    assert _replay(caller, hook).status_code == 409
    assert _replay(caller, hook_to(hook.receiver, account=acme)).status_code == 202
    replay_due()
    assert _replay(caller, hook).status_code == 202


def test_a_disabled_endpoint_is_not_replayed_to(caller: Caller, hook: Hook) -> None:
    endpoints.disable_endpoint(hook.endpoint, actor="test")
    assert _replay(caller, hook).status_code == 409
    assert not Replay.objects.exists()


def test_cancelling_twice_is_cancelling_once(caller: Caller, hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    deliver_due()
    replay = _replay(caller, hook).json()
    for _ in range(2):
        answer = _cancel(caller, hook, replay)
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    replay_due()
    assert deliver_due() == {}
    assert acme.events.filter(type="webhook_endpoint.replay_cancelled").count() == 1


def test_what_is_completed_cannot_be_cancelled(caller: Caller, hook: Hook) -> None:
    replay = _replay(caller, hook).json()
    replay_due()
    assert _cancel(caller, hook, replay).status_code == 409
    assert _show(caller, hook, replay)["status"] == "completed"


def test_a_repeated_request_starts_one_replay(caller: Caller, hook: Hook) -> None:
    path, body = f"webhook_endpoints/{hook.endpoint.public_id}/replay", {"since": _ago(hours=1)}
    first, second = (caller.post(path, body, Idempotency_Key="once") for _ in range(2))
    assert first.json() == second.json()
    assert Replay.objects.count() == 1


def test_a_replay_of_another_endpoint_is_unknown(caller: Caller, hook: Hook, acme: Account) -> None:
    other = hook_to(hook.receiver, account=acme)
    replay = _replay(caller, other).json()
    path = f"webhook_endpoints/{hook.endpoint.public_id}/replays/{replay['id']}"
    assert caller.get(path).status_code == 404
    assert caller.post(f"{path}/cancel").status_code == 404


def test_who_asked_for_what_is_on_record(caller: Caller, hook: Hook, acme: Account) -> None:
    _replay(caller, hook, only_failed=True)
    _cancel(caller, hook, {"id": Replay.objects.get().public_id})
    started, cancelled = acme.events.filter(type__startswith="webhook_endpoint.replay").order_by("pk")
    assert [started.type, cancelled.type] == [
        "webhook_endpoint.replay_started",
        "webhook_endpoint.replay_cancelled",
    ]
    assert started.actor == cancelled.actor
    assert started.actor.startswith("api_key:")
    assert started.data["endpoint_id"] == hook.endpoint.public_id
    assert (started.data["only_failed"], started.data["credential_id"]) == (True, None)
    assert not Delivery.objects.filter(event__in=[started, cancelled]).exists()

"""Who may call what: the same list for every call, and other accounts' rows are as unknown as none."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from django.utils import timezone

from credentials.models import Account
from credentials.scopes import Scope
from tests import factories
from tests.webhooks.callers import Caller
from tests.webhooks.receivers import Hook
from webhooks.replays import start_replay

ENDPOINT_CALLS = [
    ("GET", "webhook_endpoints/{endpoint}"),
    ("PATCH", "webhook_endpoints/{endpoint}"),
    ("DELETE", "webhook_endpoints/{endpoint}"),
    ("POST", "webhook_endpoints/{endpoint}/rotate_secret"),
    ("POST", "webhook_endpoints/{endpoint}/test"),
    ("GET", "webhook_endpoints/{endpoint}/deliveries"),
    ("POST", "webhook_endpoints/{endpoint}/replay"),
    ("GET", "webhook_endpoints/{endpoint}/replays"),
    ("GET", "webhook_endpoints/{endpoint}/replays/{replay}"),
    ("POST", "webhook_endpoints/{endpoint}/replays/{replay}/cancel"),
]
ROW_CALLS = [*ENDPOINT_CALLS, ("GET", "deliveries/{delivery}"), ("POST", "deliveries/{delivery}/retry")]
CALLS = [("GET", "webhook_endpoints"), ("POST", "webhook_endpoints"), *ROW_CALLS]


def _path(template: str, hook: Hook) -> str:
    factories.credential(hook.endpoint.account)
    since = timezone.now() - timedelta(hours=1)
    return template.format(
        endpoint=hook.endpoint.public_id,
        delivery=hook.endpoint.deliveries.latest("id").public_id,
        replay=start_replay(hook.endpoint, since=since, actor="test").public_id,
    )


@pytest.mark.parametrize(("method", "template"), CALLS)
def test_without_a_key_nothing_is_answered(hook: Hook, caller: Caller, method: str, template: str) -> None:
    nobody = dataclasses.replace(caller, key="")
    answer = nobody.call(method, _path(template, hook), {})
    assert answer.status_code == 401
    assert answer.json()["error"] == "unauthorized"


@pytest.mark.parametrize(("method", "template"), CALLS)
def test_a_key_without_the_scope_is_refused(hook: Hook, method: str, template: str) -> None:
    scopes = [scope for scope in Scope if scope != Scope.WEBHOOK]
    narrow = Caller.of(hook.endpoint.account, scopes=[*scopes])
    answer = narrow.call(method, _path(template, hook), {})
    assert answer.status_code == 403
    assert Scope.WEBHOOK in answer.json()["detail"]


@pytest.mark.parametrize(("method", "template"), ROW_CALLS)
def test_another_account_finds_nothing(hook: Hook, globex: Account, method: str, template: str) -> None:
    answer = Caller.of(globex).call(method, _path(template, hook), {})
    assert answer.status_code == 404
    hook.endpoint.refresh_from_db()
    assert hook.endpoint.deleted_at is None
    assert hook.endpoint.replays.get().status == "running"
    assert hook.endpoint.secrets.count() == 1


@pytest.mark.parametrize(("method", "template"), ROW_CALLS)
@pytest.mark.parametrize("unknown", ["nothing", "a" * 200, "1"])
def test_an_unknown_id_finds_nothing(
    hook: Hook, caller: Caller, method: str, template: str, unknown: str
) -> None:
    answer = caller.call(method, template.format(endpoint=unknown, delivery=unknown, replay=unknown), {})
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "template"), ENDPOINT_CALLS)
def test_a_deleted_endpoint_is_unknown(hook: Hook, caller: Caller, method: str, template: str) -> None:
    path = _path(template, hook)
    caller.delete(f"webhook_endpoints/{hook.endpoint.public_id}")
    assert caller.call(method, path, {}).status_code == 404


@pytest.mark.parametrize(
    ("method", "template"),
    [
        ("DELETE", "webhook_endpoints"),
        ("PUT", "webhook_endpoints/{endpoint}"),
        ("POST", "webhook_endpoints/{endpoint}"),
        ("GET", "webhook_endpoints/{endpoint}/rotate_secret"),
        ("GET", "webhook_endpoints/{endpoint}/test"),
        ("POST", "webhook_endpoints/{endpoint}/deliveries"),
        ("GET", "webhook_endpoints/{endpoint}/replay"),
        ("POST", "webhook_endpoints/{endpoint}/replays"),
        ("DELETE", "webhook_endpoints/{endpoint}/replays/{replay}"),
        ("GET", "webhook_endpoints/{endpoint}/replays/{replay}/cancel"),
        ("DELETE", "deliveries/{delivery}"),
        ("GET", "deliveries/{delivery}/retry"),
    ],
)
def test_a_method_that_is_not_offered_is_named(
    hook: Hook, caller: Caller, method: str, template: str
) -> None:
    answer = caller.call(method, _path(template, hook), {})
    assert answer.status_code == 405
    assert answer["Allow"]


def test_the_lists_start_from_the_account(hook: Hook, caller: Caller, globex: Account) -> None:
    assert [row["id"] for row in caller.get("webhook_endpoints").json()] == [hook.endpoint.public_id]
    assert Caller.of(globex).get("webhook_endpoints").json() == []

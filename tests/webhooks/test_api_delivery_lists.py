"""Looking deliveries up: filters, pages, and what is shown of receivers' answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from credentials import lifecycle
from credentials.models import Account, Credential
from tests import factories
from tests.webhooks.callers import Caller
from tests.webhooks.receivers import Hook, hook_to
from webhooks import delivery_log
from webhooks.dispatch import deliver_due
from webhooks.models import Attempt, Delivery, DeliveryStatus
from webhooks.outcomes import Outcome


def _list(caller: Caller, hook: Hook, query: str = "") -> Any:
    return caller.get(f"webhook_endpoints/{hook.endpoint.public_id}/deliveries?{query}")


def _types(caller: Caller, hook: Hook, query: str = "") -> list[str]:
    return [delivery["event_type"] for delivery in _list(caller, hook, query).json()]


@pytest.fixture
def revoked(hook: Hook, acme: Account) -> Credential:
    """A credential that was created, suspended and revoked, after another one."""
    factories.credential(acme)
    credential = factories.credential(acme)
    lifecycle.suspend(credential, actor="test")
    lifecycle.revoke(credential, actor="test")
    return credential


def test_one_type_can_be_asked_for(caller: Caller, hook: Hook, revoked: Credential) -> None:
    assert _types(caller, hook, "type=credential.created") == ["credential.created"] * 2
    assert _types(caller, hook, "type=credential.revoked") == ["credential.revoked"]
    assert _types(caller, hook, "type=credential.expired") == []


def test_one_credential_can_be_asked_for(
    caller: Caller, hook: Hook, revoked: Credential, globex: Account
) -> None:
    its_own = ["credential.revoked", "credential.suspended", "credential.created"]
    assert _types(caller, hook, f"credential_id={revoked.public_id}") == its_own
    narrowed = f"credential_id={revoked.public_id}&type=credential.suspended"
    assert _types(caller, hook, narrowed) == ["credential.suspended"]
    assert _types(caller, hook, "credential_id=unknown") == []
    assert _types(caller, hook, f"credential_id={factories.credential(globex).public_id}") == []


def test_one_message_can_be_asked_for(caller: Caller, hook: Hook, acme: Account, revoked: Credential) -> None:
    neighbour = hook_to(hook.receiver, account=acme)
    factories.credential(acme)
    wanted = _list(caller, hook).json()[2]
    assert _list(caller, hook, f"webhook_id={wanted['message_id']}").json() == [wanted]
    assert _list(caller, hook, f"webhook_id={wanted['message_id']}&status=failed").json() == []
    assert _list(caller, neighbour, f"webhook_id={wanted['message_id']}").json() == []
    assert _list(caller, hook, "webhook_id=msg_unknown").json() == []


@pytest.mark.parametrize("type_too", [{}, {"type": "credential.created"}], ids=["any type", "one type"])
def test_a_stretch_of_time_can_be_asked_for(
    caller: Caller, hook: Hook, acme: Account, type_too: dict[str, str]
) -> None:
    now = timezone.now().replace(microsecond=0)
    made = [factories.credential(acme).public_id for _ in range(4)][::-1]
    for hours, credential in enumerate(made):
        at = now - timedelta(hours=hours)
        Delivery.objects.filter(event__credential__public_id=credential).update(created_at=at)
        acme.events.filter(credential__public_id=credential).update(created_at=at)
    ids = {row.event.credential.public_id: row.public_id for row in Delivery.objects.all()}  # type: ignore[union-attr]

    def found(**query: str) -> list[str]:
        asked = "&".join(f"{name}={value}" for name, value in {**query, **type_too}.items())
        return [delivery["id"] for delivery in _list(caller, hook, asked).json()]

    in_order = [ids[credential] for credential in made]
    earlier = (now - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert found() == in_order
    assert found(since=earlier) == in_order[:3]
    assert found(until=earlier) == in_order[3:]
    assert found(since=earlier, until=now.strftime("%Y-%m-%dT%H:%M:%SZ")) == in_order[1:3]


def test_filters_narrow_each_other(caller: Caller, hook: Hook, revoked: Credential) -> None:
    failed = Delivery.objects.filter(event__type="credential.created")
    failed.update(status=DeliveryStatus.FAILED, finished_at=timezone.now())
    assert len(_types(caller, hook, "status=failed")) == 2
    assert len(_types(caller, hook, f"status=failed&credential_id={revoked.public_id}")) == 1
    assert _types(caller, hook, "status=failed&type=credential.revoked") == []
    assert len(_types(caller, hook, "status=pending")) == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("type=person.created", "type"),
        ("type=", "type"),
        ("since=yesterday", "since"),
        ("until=31.12.2026", "until"),
        ("credential_id=" + "a" * 25, "credential_id"),
        ("credential_id=%00", "credential_id"),
        ("webhook_id=", "webhook_id"),
        ("webhook_id=msg_", "webhook_id"),
        ("webhook_id=msg_" + "a" * 25, "webhook_id"),
        ("webhook_id=Zk3vB8qLw2XsT1Zk3vB8qL", "webhook_id"),
        ("webhook_id=msg_a%00", "webhook_id"),
    ],
)
def test_a_bad_value_is_named(caller: Caller, hook: Hook, query: str, field: str) -> None:
    answer = _list(caller, hook, query)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize("query", ["", "type=credential.created"])
def test_a_list_ends_before_it_becomes_slow(
    caller: Caller, hook: Hook, acme: Account, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    for bound in ("MOST_LISTED", "MOST_OF_TYPE"):
        monkeypatch.setattr(delivery_log, bound, 3)
    newest = [factories.credential(acme) for _ in range(5)][:1:-1]
    page = _list(caller, hook, f"per_page=2&page=2&{query}")
    assert page["X-Total-Results"] == "3"
    [shown] = page.json()
    assert Delivery.objects.get(public_id=shown["id"]).event.credential == newest[-1]


def test_one_delivery_is_shown_with_its_attempts(caller: Caller, hook: Hook, acme: Account) -> None:
    hook.receiver.status, hook.receiver.body = 503, b"closed"
    factories.credential(acme)
    deliver_due()
    delivery = Delivery.objects.get()
    shown = caller.get(f"deliveries/{delivery.public_id}").json()
    assert (shown["id"], shown["status"]) == (delivery.public_id, "pending")
    [attempt] = shown["attempts"]
    assert (attempt["response_status"], attempt["response"]) == (503, "closed")
    # The message itself is long; lists do without.
    assert shown.pop("payload") == hook.receiver.received[0].message
    assert _list(caller, hook).json() == [shown]


def test_a_message_is_shown_before_it_is_sent(caller: Caller, hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    shown = caller.get(f"deliveries/{Delivery.objects.get().public_id}").json()
    deliver_due()
    assert shown["payload"] == hook.receiver.received[0].message


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("caf\u00e9 <b>", "caf\u00e9 <b>"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("\x1b[2J", "\ufffd[2J"),
        ("\u202egpj.exe", "\ufffdgpj.exe"),
    ],
    ids=["text", "lines", "a terminal's orders", "right to left"],
)
def test_an_answer_is_shown_as_text(
    caller: Caller, hook: Hook, acme: Account, answer: str, shown: str
) -> None:
    hook.receiver.status, hook.receiver.body = 500, answer.encode()
    factories.credential(acme)
    deliver_due()
    [delivery] = _list(caller, hook).json()
    assert delivery["attempts"][0]["response"] == shown


def test_nothing_is_shown_of_a_target_that_may_not_be_reached(
    caller: Caller, hook: Hook, acme: Account
) -> None:
    hook.receiver.body = b"the metadata of this machine"
    hook.receiver.status = 200
    factories.credential(acme)
    deliver_due()
    Attempt.objects.update(outcome=Outcome.REFUSED_TARGET)
    [delivery] = _list(caller, hook).json()
    assert Attempt.objects.get().response_excerpt
    assert delivery["attempts"][0]["response"] == ""


def test_a_retry_is_on_record(caller: Caller, hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    deliver_due()
    delivery = Delivery.objects.get()
    caller.post(f"deliveries/{delivery.public_id}/retry")
    event = acme.events.get(type="webhook_endpoint.delivery_retried")
    assert event.actor.startswith("api_key:")
    assert event.data == {"endpoint_id": hook.endpoint.public_id, "delivery_id": delivery.public_id}
    assert Delivery.objects.get() == delivery

"""`/webhook_endpoints`: creating, showing, changing and deleting."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from credentials.errors import NotFound
from credentials.event_types import PUBLIC_EVENT_TYPES
from credentials.models import Account, Event
from tests import factories
from tests.webhooks.callers import Caller
from tests.webhooks.receivers import Hook, Receiver
from webhooks import endpoints
from webhooks.dispatch import deliver_due
from webhooks.endpoints import MOST_ENDPOINTS
from webhooks.models import DeliveryStatus, Endpoint, EndpointSecret

URL = "https://hooks.example/in?token=a%2Fb"
MEMBERS = {
    "id",
    "url",
    "description",
    "event_types",
    "fifo",
    "signature_scheme",
    "public_key",
    "enabled",
    "disabled_reason",
    "disabled_at",
    "failing_since",
    "paused_until",
    "created_at",
    "updated_at",
}


def test_creating_shows_the_secret_once(caller: Caller) -> None:
    answer = caller.post("webhook_endpoints", {"url": URL, "description": "Doors"})
    assert answer.status_code == 201
    shown = answer.json()
    assert shown.keys() == MEMBERS | {"secret"}
    assert (shown["url"], shown["description"], shown["event_types"]) == (URL, "Doors", [])
    assert (shown["enabled"], shown["disabled_reason"], shown["disabled_at"]) == (True, None, None)
    assert shown["secret"].startswith("whsec_")

    for later in (
        caller.get(f"webhook_endpoints/{shown['id']}").json(),
        caller.get("webhook_endpoints").json()[0],
    ):
        assert later == {name: shown[name] for name in MEMBERS}


def test_the_secret_that_was_shown_verifies_what_arrives(
    caller: Caller, receiver: Receiver, acme: Account
) -> None:
    secret = caller.post("webhook_endpoints", {"url": receiver.url}).json()["secret"]
    factories.credential(acme)
    deliver_due()
    assert receiver.received[0].verified_with(secret)


def test_no_secret_is_readable_in_the_database(caller: Caller) -> None:
    secret = caller.post("webhook_endpoints", {"url": URL}).json()["secret"]
    kept = bytes(EndpointSecret.objects.get().ciphertext)
    assert secret.removeprefix("whsec_").encode() not in kept
    assert secret not in str(list(Event.objects.values()))


def test_a_repeated_request_makes_one_endpoint_and_repeats_no_secret(caller: Caller) -> None:
    first, second = (caller.post("webhook_endpoints", {"url": URL}, Idempotency_Key="once") for _ in range(2))
    assert Endpoint.objects.count() == 1
    assert second.json()["id"] == first.json()["id"]
    assert second.json()["secret"] is None
    assert second["Idempotent-Replayed"] == "true"


def test_the_body_may_be_wrapped_and_unknown_members_are_ignored(caller: Caller) -> None:
    body = {"webhook_endpoint": {"url": URL, "id": "mine", "secret": "whsec_mine", "colour": "red"}}
    shown = caller.post("webhook_endpoints", body).json()
    assert shown["url"] == URL
    assert shown["id"] != "mine"
    assert shown["secret"] != "whsec_mine"


def test_types_are_listed_once_and_in_the_contracts_order(caller: Caller) -> None:
    wanted = ["credential.revoked", "credential.created", "credential.revoked"]
    shown = caller.post("webhook_endpoints", {"url": URL, "event_types": wanted}).json()
    assert shown["event_types"] == ["credential.created", "credential.revoked"]
    every = caller.post("webhook_endpoints", {"url": URL, "event_types": [*PUBLIC_EVENT_TYPES]})
    assert every.status_code == 201


BAD_INPUT: list[tuple[dict[str, Any], str]] = [
    ({}, "url"),
    ({"url": None}, "url"),
    ({"url": ""}, "url"),
    ({"url": 7}, "url"),
    ({"url": ["https://hooks.example/"]}, "url"),
    ({"url": "hooks.example"}, "url"),
    ({"url": "ftp://hooks.example/"}, "url"),
    ({"url": "https://user:word@hooks.example/"}, "url"),
    ({"url": "https://hooks.example/#top"}, "url"),
    ({"url": "http://169.254.169.254/latest/meta-data/"}, "url"),
    ({"url": "http://127.0.0.1:9000/"}, "url"),
    ({"url": "http://localhost:9000/"}, "url"),
    ({"url": "https://hooks.example/" + "a" * 2048}, "url"),
    ({"url": "https://b\u00fccher.example/".ljust(2048, "a")}, "url"),
    ({"url": "https://hooks.example/\x00"}, "url"),
    ({"url": URL, "description": "a" * 201}, "description"),
    ({"url": URL, "description": 7}, "description"),
    ({"url": URL, "event_types": "credential.created"}, "event_types"),
    ({"url": URL, "event_types": {"credential.created": True}}, "event_types"),
    ({"url": URL, "event_types": ["credential.borrowed"]}, "event_types"),
    ({"url": URL, "event_types": ["person.created"]}, "event_types"),
    ({"url": URL, "event_types": [None]}, "event_types"),
    ({"url": URL, "event_types": [7]}, "event_types"),
    ({"webhook_endpoint": [URL]}, "webhook_endpoint"),
]


@pytest.mark.parametrize(("body", "field"), BAD_INPUT)
def test_bad_input_is_refused_by_the_name_of_its_field(
    caller: Caller, body: dict[str, Any], field: str
) -> None:
    answer = caller.post("webhook_endpoints", body)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize(("networks", "https_only"), [([], False), (["127.0.0.0/8"], True)])
def test_messages_go_in_clear_only_where_networks_are_open_and_we_are_served_in_clear(
    caller: Caller, settings: Settings, *, networks: list[str], https_only: bool
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS, settings.WEBHOOK_HTTPS_ONLY = networks, https_only
    answer = caller.post("webhook_endpoints", {"url": "http://hooks.example:8443/"})
    assert answer.json()["errors"] == {"url": ["The URL must start with https://."]}
    settings.WEBHOOK_ALLOWED_NETWORKS, settings.WEBHOOK_HTTPS_ONLY = ["127.0.0.0/8"], False
    assert caller.post("webhook_endpoints", {"url": "http://hooks.example:8443/"}).status_code == 201


def test_an_account_has_only_so_many_endpoints(caller: Caller, acme: Account) -> None:
    Endpoint.objects.bulk_create(Endpoint(account=acme, url=URL) for _ in range(MOST_ENDPOINTS))
    assert caller.post("webhook_endpoints", {"url": URL}).status_code == 409
    caller.delete(f"webhook_endpoints/{Endpoint.objects.earliest('id').public_id}")
    assert caller.post("webhook_endpoints", {"url": URL}).status_code == 201


def test_changing_leaves_the_rest_as_it_is(caller: Caller, hook: Hook) -> None:
    path = f"webhook_endpoints/{hook.endpoint.public_id}"
    before = caller.get(path).json()
    shown = caller.patch(path, {"description": "Gates", "event_types": ["credential.revoked"]}).json()
    assert shown == before | {
        "description": "Gates",
        "event_types": ["credential.revoked"],
        "updated_at": shown["updated_at"],
    }
    assert caller.patch(path, {"url": URL}).json()["url"] == URL
    assert caller.get(path).json()["url"] == URL


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://127.1/"}, "url"),
        ({"url": None}, "url"),
        ({"enabled": "yes"}, "enabled"),
        ({"enabled": None}, "enabled"),
        ({"event_types": ["*"]}, "event_types"),
    ],
)
def test_a_bad_change_is_refused_whole(caller: Caller, hook: Hook, body: dict[str, Any], field: str) -> None:
    path = f"webhook_endpoints/{hook.endpoint.public_id}"
    before = caller.get(path).json()
    answer = caller.patch(path, {"description": "New", **body})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert caller.get(path).json() == before


def test_disabling_calls_off_what_is_on_its_way(caller: Caller, hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    path = f"webhook_endpoints/{hook.endpoint.public_id}"
    shown = caller.patch(path, {"enabled": False}).json()
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "by_hand")
    assert shown["disabled_at"] is not None
    factories.credential(acme)
    assert deliver_due() == {}
    assert hook.endpoint.deliveries.get().status == DeliveryStatus.CANCELLED

    shown = caller.patch(path, {"enabled": True}).json()
    assert (shown["enabled"], shown["disabled_reason"], shown["disabled_at"]) == (True, None, None)
    factories.credential(acme)
    assert deliver_due() == {"succeeded": 1}


def test_disabling_twice_is_one_event(caller: Caller, hook: Hook, acme: Account) -> None:
    path = f"webhook_endpoints/{hook.endpoint.public_id}"
    for _ in range(2):
        assert caller.patch(path, {"enabled": False}).status_code == 200
    assert acme.events.filter(type="webhook_endpoint.disabled").count() == 1


def test_a_deleted_endpoint_hears_nothing_and_keeps_no_secret(
    caller: Caller, hook: Hook, acme: Account
) -> None:
    factories.credential(acme)
    answer = caller.delete(f"webhook_endpoints/{hook.endpoint.public_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    factories.credential(acme)
    assert deliver_due() == {}
    assert hook.receiver.received == []
    assert not hook.endpoint.secrets.exists()
    assert caller.get("webhook_endpoints").json() == []


def test_every_change_is_in_the_audit_trail_without_the_url(caller: Caller, acme: Account) -> None:
    path = f"webhook_endpoints/{caller.post('webhook_endpoints', {'url': URL}).json()['id']}"
    caller.patch(path, {"url": URL + "&x=1", "description": "Gates"})
    caller.patch(path, {"description": "Gates"})
    caller.patch(path, {"enabled": False})
    caller.delete(path)
    trail = list(acme.events.filter(type__startswith="webhook_endpoint.").order_by("id"))
    assert [event.type.removeprefix("webhook_endpoint.") for event in trail] == [
        "created",
        "updated",
        "disabled",
        "deleted",
    ]
    assert trail[1].data["changed"] == ["description", "url"]
    assert {event.actor.partition(":")[0] for event in trail} == {"api_key"}
    assert "hooks.example" not in str([event.data for event in trail])


def test_whoever_comes_after_a_deletion_is_told(hook: Hook, acme: Account) -> None:
    endpoints.delete_endpoint(hook.endpoint, actor="test")
    for verb in (endpoints.enable_endpoint, endpoints.rotate_secret, endpoints.delete_endpoint):
        with pytest.raises(NotFound):
            verb(hook.endpoint, actor="test")
    assert not hook.endpoint.secrets.exists()

"""The keys of an endpoint over the API: both schemes, the way between them, and an end of what leaked."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from credentials import encryption
from credentials.models import Account
from tests import factories
from tests.webhooks.callers import Caller
from tests.webhooks.receivers import Hook, Received, Receiver, hook_to
from webhooks import endpoint_secrets, endpoints
from webhooks.dispatch import deliver_due
from webhooks.models import Endpoint, EndpointSecret

ASYMMETRIC = {"signature_scheme": "v1a"}
DAY = 86_400


@pytest.fixture
def path(hook: Hook) -> str:
    """Where Acme's endpoint is; its first secret is `hook.secret`."""
    return f"webhook_endpoints/{hook.endpoint.public_id}"


def sent_to(hook: Hook) -> Received:
    """The next message that arrives there."""
    endpoints.send_test(hook.endpoint, actor="test")
    deliver_due()
    return hook.receiver.received[-1]


def schemes_of(received: Received) -> list[str]:
    """How it is signed, in the order of the header."""
    return [signature.partition(",")[0] for signature in received.signatures]


def test_a_public_key_verifies_what_arrives_and_no_secret_is_shown(
    caller: Caller, receiver: Receiver
) -> None:
    shown = caller.post("webhook_endpoints", {"url": receiver.url, **ASYMMETRIC}).json()
    assert (shown["signature_scheme"], shown["secret"]) == ("v1a", None)
    assert caller.get("webhook_endpoints").json()[0]["public_key"] == shown["public_key"]
    caller.post(f"webhook_endpoints/{shown['id']}/test")
    deliver_due()
    [received] = receiver.received
    assert schemes_of(received) == ["v1a"]
    assert received.verified_with_public_key(shown["public_key"])


def test_no_private_key_leaves_the_house(
    caller: Caller, receiver: Receiver, acme: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    created = caller.post("webhook_endpoints", {"url": receiver.url, **ASYMMETRIC})
    rotated = caller.post(f"webhook_endpoints/{created.json()['id']}/rotate_secret")
    endpoint = Endpoint.objects.get()
    for keys in endpoint_secrets.live_keys([endpoint], now=endpoint.created_at).values():
        assert len(keys) == 2
    told = [created.content.decode(), rotated.content.decode(), caplog.text, str(list(acme.events.values()))]
    assert "whsk_" not in "".join(told)
    kept = b"".join(bytes(secret.ciphertext) for secret in EndpointSecret.objects.all())
    assert b"whsk_" not in kept


def test_without_a_choice_a_secret_is_shared(caller: Caller, receiver: Receiver) -> None:
    shown = caller.post("webhook_endpoints", {"url": receiver.url}).json()
    assert (shown["signature_scheme"], shown["public_key"]) == ("v1", None)
    assert shown["secret"].startswith("whsec_")


@pytest.mark.parametrize("scheme", ["v2", "", None, 1, True, ["v1a"], "V1A"])
def test_an_unknown_scheme_is_refused_by_name(caller: Caller, hook: Hook, path: str, scheme: Any) -> None:
    for answer in (
        caller.post("webhook_endpoints", {"url": hook.receiver.url, "signature_scheme": scheme}),
        caller.patch(path, {"signature_scheme": scheme}),
        caller.post(f"{path}/rotate_secret", {"signature_scheme": scheme}),
    ):
        assert answer.status_code == 422
        assert list(answer.json()["errors"]) == ["signature_scheme"]
    assert hook.endpoint.secrets.count() == 1


def test_a_rotated_key_pair_signs_beside_the_former_one(caller: Caller, receiver: Receiver) -> None:
    first = caller.post("webhook_endpoints", {"url": receiver.url, **ASYMMETRIC}).json()
    path = f"webhook_endpoints/{first['id']}"
    second = caller.post(f"{path}/rotate_secret", {"overlap_seconds": DAY}).json()
    caller.post(f"{path}/test")
    deliver_due()
    [received] = receiver.received
    assert second["public_key"] != first["public_key"]
    assert (second["secret"], schemes_of(received)) == (None, ["v1a", "v1a"])
    for key in (first, second):
        assert received.verified_with_public_key(key["public_key"])


def test_the_newest_key_signs_first(caller: Caller, hook: Hook, path: str) -> None:
    newest = ""
    for _ in range(3):
        newest = caller.post(f"{path}/rotate_secret").json()["secret"]
    received = sent_to(hook)
    only_first = Received({**received.headers, "webhook-signature": received.signatures[0]}, received.body)
    assert len(received.signatures) == 4
    assert only_first.verified_with(newest)
    assert received.verified_with(hook.secret)


def test_a_rotation_can_lead_to_the_other_scheme_and_back(caller: Caller, hook: Hook, path: str) -> None:
    there = caller.post(f"{path}/rotate_secret", ASYMMETRIC).json()
    received = sent_to(hook)
    assert (there["signature_scheme"], there["secret"]) == ("v1a", None)
    assert schemes_of(received) == ["v1a", "v1"]
    assert received.verified_with_public_key(there["public_key"])

    back = caller.post(f"{path}/rotate_secret", {"signature_scheme": "v1", "overlap_seconds": 0}).json()
    received = sent_to(hook)
    assert (back["public_key"], schemes_of(received)) == (None, ["v1"])
    assert received.verified_with(back["secret"])
    assert not received.verified_with(hook.secret)


def test_changing_the_scheme_mints_a_key_pair(caller: Caller, hook: Hook, path: str, acme: Account) -> None:
    shown = caller.patch(path, {**ASYMMETRIC, "description": "Gates"}).json()
    assert (shown["signature_scheme"], shown["description"]) == ("v1a", "Gates")
    assert "secret" not in shown
    received = sent_to(hook)
    assert received.verified_with_public_key(shown["public_key"])
    assert received.verified_with(hook.secret)
    rotation = acme.events.get(type="webhook_endpoint.secret_rotated")
    assert (rotation.data["signature_scheme"], rotation.data["overlap_seconds"]) == ("v1a", DAY)


def test_the_same_scheme_once_more_changes_nothing(caller: Caller, hook: Hook, path: str) -> None:
    assert caller.patch(path, {"signature_scheme": "v1"}).status_code == 200
    first, second = (caller.patch(path, ASYMMETRIC).json() for _ in range(2))
    assert first["public_key"] == second["public_key"]
    assert hook.endpoint.secrets.count() == 2


def test_a_change_never_mints_a_secret_that_it_cannot_show(caller: Caller, hook: Hook, path: str) -> None:
    caller.patch(path, ASYMMETRIC)
    answer = caller.patch(path, {"signature_scheme": "v1", "description": "Gates"})
    assert answer.status_code == 422
    assert "rotate the secret" in answer.json()["errors"]["signature_scheme"][0]
    shown = caller.get(path).json()
    assert (shown["signature_scheme"], shown["description"]) == ("v1a", "")


def test_what_has_leaked_signs_nothing_more(caller: Caller, hook: Hook, path: str) -> None:
    rotated = caller.post(f"{path}/rotate_secret", {"overlap_seconds": 7 * DAY}).json()["secret"]
    latest = caller.post(f"{path}/rotate_secret", {"overlap_seconds": 0}).json()["secret"]
    received = sent_to(hook)
    assert len(received.signatures) == 1
    assert received.verified_with(latest)
    assert not any(received.verified_with(secret) for secret in (hook.secret, rotated))


@pytest.mark.parametrize("seconds", [-1, 7 * DAY + 1, "soon", None, 1.5, [0]])
def test_an_overlap_is_at_most_a_week(caller: Caller, hook: Hook, path: str, seconds: Any) -> None:
    answer = caller.post(f"{path}/rotate_secret", {"overlap_seconds": seconds})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["overlap_seconds"]
    assert hook.endpoint.secrets.count() == 1


def test_a_header_holds_only_so_many_signatures(caller: Caller, hook: Hook, path: str) -> None:
    answers = [caller.post(f"{path}/rotate_secret") for _ in range(endpoint_secrets.MOST_LIVE_KEYS)]
    assert [answer.status_code for answer in answers] == [200] * (len(answers) - 1) + [409]
    assert len(sent_to(hook).signatures) == endpoint_secrets.MOST_LIVE_KEYS
    assert caller.post(f"{path}/rotate_secret", {"overlap_seconds": 0}).status_code == 200
    assert len(sent_to(hook).signatures) == 1


def test_a_repeated_rotation_happens_once_and_repeats_no_secret(
    caller: Caller, hook: Hook, path: str
) -> None:
    first, second = (caller.post(f"{path}/rotate_secret", Idempotency_Key="once") for _ in range(2))
    assert hook.endpoint.secrets.count() == 2
    assert (first.json()["secret"][:6], second.json()["secret"]) == ("whsec_", None)


def test_a_key_of_another_endpoint_is_not_used(
    caller: Caller, hook: Hook, path: str, globex: Account
) -> None:
    other = hook_to(hook.receiver, account=globex).endpoint
    for endpoint in (hook.endpoint, other):
        endpoints.rotate_secret(endpoint, signature_scheme="v1a", actor="test")
    theirs = other.secrets.exclude(public_key="").get()
    hook.endpoint.secrets.exclude(public_key="").update(
        ciphertext=theirs.ciphertext, public_key=theirs.public_key
    )
    assert schemes_of(sent_to(hook)) == ["v1"]


def test_a_shared_secret_is_not_taken_for_a_key_pair(caller: Caller, hook: Hook, path: str) -> None:
    hook.endpoint.secrets.update(public_key="whpk_" + "A" * 44)
    endpoints.send_test(hook.endpoint, actor="test")
    assert deliver_due() == {"unsigned": 1}


@pytest.mark.parametrize(
    ("kind", "public_key", "key"),
    [
        ("secret", "", b"short"),
        ("private key", "whpk_" + "A" * 44, b"whsk_AAAA"),
        ("private key", "whpk_" + "A" * 44, b"\xff of no text"),
    ],
)
def test_a_malformed_key_stops_no_other_endpoint(
    hook: Hook, acme: Account, caplog: pytest.LogCaptureFixture, kind: str, public_key: str, key: bytes
) -> None:
    other = hook_to(hook.receiver, account=acme).endpoint
    ciphertext = encryption.encrypt(key, purpose=f"webhook {kind} of endpoint {other.public_id}")
    other.secrets.update(ciphertext=ciphertext, public_key=public_key)
    factories.credential(acme)
    assert deliver_due() == {"succeeded": 1, "unsigned": 1}
    assert f"endpoint {other.public_id} cannot be used" in caplog.text
    assert key.decode(errors="replace") not in caplog.text


def test_the_list_costs_the_same_for_any_number(
    caller: Caller, receiver: Receiver, django_assert_max_num_queries: Any
) -> None:
    for _ in range(10):
        caller.post("webhook_endpoints", {"url": receiver.url, **ASYMMETRIC})
    with django_assert_max_num_queries(6):
        shown = caller.get("webhook_endpoints").json()
    assert len({endpoint["public_key"] for endpoint in shown}) == 10

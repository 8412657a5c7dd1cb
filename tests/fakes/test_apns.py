"""The fake Apple is as strict as Apple says it is: what it lets pass was said right."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from tests.fakes.apns import Answer, FakeApns
from tests.fakes.tls import Authority, present

TOPIC = "pass.example.acme.staff"
TOKEN = "0a" * 32
OTHER_TOKEN = "0b" * 32
WELL_FORMED = {"apns-topic": TOPIC, "apns-push-type": "background", "apns-priority": "5"}


@pytest.fixture(scope="module")
def wwdr() -> Authority:
    return Authority()


@pytest.fixture
def apple(wwdr: Authority) -> Iterator[FakeApns]:
    with FakeApns(client_ca_pem=wwdr.pem) as apple:
        yield apple


@pytest.fixture
def client(apple: FakeApns, wwdr: Authority) -> Iterator[httpx.Client]:
    context = trusting(apple)
    present(context, wwdr.issue_client(TOPIC))
    with httpx.Client(base_url=apple.url, verify=context, http1=False, http2=True) as client:
        yield client


def trusting(apple: FakeApns) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=apple.ca_pem.decode())


def push(client: httpx.Client, token: str = TOKEN, *, body: bytes = b"{}", **headers: str) -> httpx.Response:
    sent = WELL_FORMED | {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(f"/3/device/{token}", headers=sent, content=body)


def test_a_well_formed_push_is_recorded_and_answered(apple: FakeApns, client: httpx.Client) -> None:
    started = datetime.now(UTC)
    answer = push(client)
    assert (answer.status_code, answer.content, answer.http_version) == (200, b"", "HTTP/2")
    recorded = apple.pushes[0]
    assert (recorded.token, recorded.body, recorded.certificate_uid) == (TOKEN, b"{}", TOPIC)
    assert recorded.headers["apns-topic"] == TOPIC
    assert started <= recorded.at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"apns_topic": "pass.example.globex"}, "TopicDisallowed"),
        ({"apns_topic": "com.example.app"}, "BadTopic"),
        ({"apns_priority": "10"}, "BadPriority"),
        ({"apns_priority": "soon"}, "BadPriority"),
        ({"apns_push_type": "backgroud"}, "InvalidPushType"),
        ({"apns_expiration": "tomorrow"}, "BadExpirationDate"),
        ({"apns_collapse_id": "x" * 65}, "BadCollapseId"),
    ],
)
def test_a_wrong_header_is_refused(headers: dict[str, str], reason: str, client: httpx.Client) -> None:
    answer = push(client, TOKEN, body=b"{}", **headers)
    assert (answer.status_code, answer.json()) == (400, {"reason": reason})


@pytest.mark.parametrize(
    ("token", "reason"), [("", "MissingDeviceToken"), ("xyz", "BadDeviceToken"), ("abc", "BadDeviceToken")]
)
def test_a_wrong_token_is_refused(token: str, reason: str, client: httpx.Client) -> None:
    answer = push(client, token)
    assert (answer.status_code, answer.json()) == (400, {"reason": reason})


def test_a_push_without_topic_is_refused(client: httpx.Client) -> None:
    answer = client.post(f"/3/device/{TOKEN}", content=b"{}")
    assert (answer.status_code, answer.json()) == (400, {"reason": "MissingTopic"})


def test_a_header_sent_twice_is_refused(client: httpx.Client) -> None:
    headers = [*WELL_FORMED.items(), ("apns-priority", "5")]
    answer = client.post(f"/3/device/{TOKEN}", headers=headers, content=b"{}")
    assert (answer.status_code, answer.json()) == (400, {"reason": "DuplicateHeaders"})


def test_payloads_have_bounds(client: httpx.Client) -> None:
    assert push(client, body=b"").json() == {"reason": "PayloadEmpty"}
    assert push(client, body=b"x" * 4096).status_code == 200
    too_large = push(client, body=b"x" * 4097)
    assert (too_large.status_code, too_large.json()) == (413, {"reason": "PayloadTooLarge"})


def test_only_post_to_the_device_path_is_served(client: httpx.Client) -> None:
    assert client.get(f"/3/device/{TOKEN}", headers=WELL_FORMED).status_code == 405
    assert client.post(f"/2/device/{TOKEN}", headers=WELL_FORMED, content=b"{}").status_code == 404


def test_scripted_answers_come_in_order_and_end(apple: FakeApns, client: httpx.Client) -> None:
    apple.script(TOKEN, [Answer(429, "TooManyRequests"), Answer(503, "Shutdown")])
    assert [push(client).status_code for _ in range(3)] == [429, 503, 200]


def test_a_client_without_certificate_is_turned_away(apple: FakeApns) -> None:
    with (
        httpx.Client(base_url=apple.url, verify=trusting(apple), http1=False, http2=True) as client,
        pytest.raises((httpx.TransportError, ssl.SSLError)),
    ):
        push(client)
    assert apple.pushes == []


def test_a_certificate_of_another_root_is_turned_away(apple: FakeApns) -> None:
    context = trusting(apple)
    present(context, Authority("Strange").issue_client(TOPIC))
    with (
        httpx.Client(base_url=apple.url, verify=context, http1=False, http2=True) as client,
        pytest.raises((httpx.TransportError, ssl.SSLError)),
    ):
        push(client)


def test_http_1_is_not_spoken(apple: FakeApns, wwdr: Authority) -> None:
    context = trusting(apple)
    present(context, wwdr.issue_client(TOPIC))
    with httpx.Client(base_url=apple.url, verify=context) as client, pytest.raises(httpx.TransportError):
        push(client)
    assert apple.pushes == []


def test_a_phone_hears_of_a_push_when_it_is_delivered(apple: FakeApns, client: httpx.Client) -> None:
    heard: list[str] = []
    apple.subscribe(TOKEN, heard.append)
    push(client)
    assert heard == []
    assert apple.deliver() == 1
    assert heard == [TOKEN]
    assert apple.deliver() == 0


def test_apple_keeps_one_push_per_phone(apple: FakeApns, client: httpx.Client) -> None:
    heard: list[str] = []
    for token in (TOKEN, OTHER_TOKEN):
        apple.subscribe(token, heard.append)
    for token in (TOKEN, TOKEN, OTHER_TOKEN, TOKEN):
        push(client, token)
    assert apple.deliver() == 2
    assert sorted(heard) == [TOKEN, OTHER_TOKEN]


def test_a_push_that_was_refused_reaches_no_phone(apple: FakeApns, client: httpx.Client) -> None:
    apple.subscribe(TOKEN, lambda _: pytest.fail("The phone heard of a push that was refused."))
    apple.script(TOKEN, [Answer(500, "InternalServerError")])
    push(client)
    push(client, apns_priority="10")
    assert apple.deliver() == 0


def test_a_token_that_was_given_up_is_unregistered(apple: FakeApns, client: httpx.Client) -> None:
    apple.subscribe(TOKEN, lambda _: None)
    apple.unsubscribe(TOKEN)
    answer = push(client)
    assert (answer.status_code, answer.json()["reason"]) == (410, "Unregistered")
    assert abs(answer.json()["timestamp"] / 1000 - time.time()) < 5
    assert apple.deliver() == 0

"""The push client against a fake Apple that speaks HTTP/2 with client certificates."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from redemption.apple.apns import Apns, PushAnswer, PushKind
from tests.fakes.apns import Answer, FakeApns, Fault
from tests.fakes.tls import Authority, Identity

TOPIC = "pass.example.acme.staff"
TOKEN = "0a" * 32
OTHER_TOKEN = "0b" * 32
YESTERDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


@pytest.fixture(scope="module")
def wwdr() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def identity(wwdr: Authority) -> Identity:
    return wwdr.issue_client(TOPIC)


@pytest.fixture
def apple(wwdr: Authority) -> Iterator[FakeApns]:
    with FakeApns(client_ca_pem=wwdr.pem) as apple:
        yield apple


@pytest.fixture
def apns(apple: FakeApns, identity: Identity, tmp_path: Path) -> Iterator[Apns]:
    with connect(apple, identity=identity, tmp_path=tmp_path) as apns:
        yield apns


@pytest.fixture
def hasty(apple: FakeApns, identity: Identity, tmp_path: Path) -> Iterator[Apns]:
    """A client that gives up soon."""
    with connect(apple, identity=identity, tmp_path=tmp_path, deadline=1.2) as apns:
        yield apns


def connect(apple: FakeApns, *, identity: Identity, tmp_path: Path, deadline: float = 15) -> Apns:
    ca = tmp_path / "apple.pem"
    ca.write_bytes(apple.ca_pem)
    return Apns(
        apple.url,
        certificate_pem=identity.certificate_pem,
        key_pem=identity.key_pem,
        extra_ca=ca,
        deadline=deadline,
    )


def push_meeting(outcome: Answer | Fault, *, apple: FakeApns, apns: Apns) -> PushAnswer:
    apple.script(TOKEN, repeat(outcome))
    return apns.push(TOKEN, topic=TOPIC)


def test_a_push_is_delivered(apple: FakeApns, apns: Apns) -> None:
    answer = apns.push(TOKEN, topic=TOPIC)
    assert (answer.kind, answer.status, answer.reason) == (PushKind.DELIVERED, 200, "")
    assert len(answer.apns_id) == 36
    assert [push.token for push in apple.pushes] == [TOKEN]


def test_a_push_says_what_apple_asks_of_pass_pushes(apple: FakeApns, apns: Apns) -> None:
    apns.push(TOKEN, topic=TOPIC)
    push = apple.pushes[0]
    assert push.body == b"{}"
    assert push.certificate_uid == push.headers["apns-topic"] == TOPIC
    assert (push.headers["apns-push-type"], push.headers["apns-priority"]) == ("background", "5")


def test_a_push_outlives_a_month_without_reception(apple: FakeApns, apns: Apns) -> None:
    apns.push(TOKEN, topic=TOPIC)
    kept_for = int(apple.pushes[0].headers["apns-expiration"]) - time.time()
    assert 29 < kept_for / 86400 <= 30


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (400, "BadDeviceToken", PushKind.DROP_TOKEN),
        (400, "DeviceTokenNotForTopic", PushKind.DROP_TOKEN),
        (400, "BadTopic", PushKind.CREDENTIAL_REFUSED),
        (400, "MissingTopic", PushKind.CREDENTIAL_REFUSED),
        (400, "TopicDisallowed", PushKind.CREDENTIAL_REFUSED),
        (400, "IdleTimeout", PushKind.RETRY_LATER),
        (400, "PayloadEmpty", PushKind.BUG),
        (400, "SomethingNew", PushKind.BUG),
        (403, "BadCertificate", PushKind.CREDENTIAL_REFUSED),
        (403, "BadCertificateEnvironment", PushKind.CREDENTIAL_REFUSED),
        (403, "Forbidden", PushKind.CREDENTIAL_REFUSED),
        (404, "BadPath", PushKind.BUG),
        (405, "MethodNotAllowed", PushKind.BUG),
        (413, "PayloadTooLarge", PushKind.BUG),
        (418, "Teapot", PushKind.BUG),
        (429, "TooManyRequests", PushKind.THROTTLED),
        (500, "InternalServerError", PushKind.RETRY_LATER),
        (503, "ServiceUnavailable", PushKind.RETRY_LATER),
        (503, "Shutdown", PushKind.RETRY_LATER),
    ],
)
def test_a_refusal_says_what_to_do(
    status: int, reason: str, kind: PushKind, apple: FakeApns, apns: Apns
) -> None:
    answer = push_meeting(Answer(status, reason), apple=apple, apns=apns)
    assert (answer.kind, answer.status, answer.reason) == (kind, status, reason)
    assert len(answer.apns_id) == 36
    assert answer.unregistered_at is None


def test_an_unregistered_token_names_the_time(apple: FakeApns, apns: Apns) -> None:
    gone = Answer(410, "Unregistered", timestamp=int(YESTERDAY.timestamp() * 1000))
    answer = push_meeting(gone, apple=apple, apns=apns)
    assert (answer.kind, answer.status) == (PushKind.UNREGISTERED, 410)
    assert answer.unregistered_at == YESTERDAY


def test_an_expired_token_is_an_unregistered_one(apple: FakeApns, apns: Apns) -> None:
    gone = Answer(410, "ExpiredToken", timestamp=int(YESTERDAY.timestamp() * 1000))
    assert push_meeting(gone, apple=apple, apns=apns).kind is PushKind.UNREGISTERED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b'["timestamp"]',
        b"\xff\xfe{",
        b"[" * 9000,
        b'{"reason": 7, "timestamp": "yesterday"}',
        b'{"timestamp": null}',
        b'{"timestamp": 1e999}',
        b'{"timestamp": NaN}',
        b'{"timestamp": 99999999999999999999999}',
        b'{"timestamp": 253402300799000}',
        b'{"timestamp": ' + b"9" * 5000 + b"}",
    ],
)
def test_without_a_credible_time_a_token_is_gone_as_of_the_push(
    body: bytes, apple: FakeApns, apns: Apns
) -> None:
    before = datetime.now(UTC)
    answer = push_meeting(Answer(410, raw=body), apple=apple, apns=apns)
    assert answer.kind is PushKind.UNREGISTERED
    assert answer.unregistered_at is not None
    assert before <= answer.unregistered_at <= apple.pushes[0].at


@pytest.mark.parametrize("body", [b"<html>", b"\xff\xfe", b'"reason"', b'{"reason": null}', b"[" * 9000])
def test_a_malformed_body_does_no_harm(body: bytes, apple: FakeApns, apns: Apns) -> None:
    assert push_meeting(Answer(200, raw=body), apple=apple, apns=apns).kind is PushKind.DELIVERED
    assert push_meeting(Answer(400, raw=body), apple=apple, apns=apns).kind is PushKind.BUG


def test_a_reason_is_never_long(apple: FakeApns, apns: Apns) -> None:
    answer = push_meeting(Answer(400, "x" * 9000), apple=apple, apns=apns)
    assert answer.reason == "x" * 100


@pytest.mark.parametrize(
    "token", ["", "0a/../0b", "../../3/device/0a", "0a?x=1", "0a\r\n", "žž", "0x0a", "0a" * 101, "0a 0b"]
)
def test_a_token_that_is_not_hexadecimal_never_leaves(token: str, apple: FakeApns, apns: Apns) -> None:
    assert apns.push(token, topic=TOPIC) == PushAnswer(PushKind.DROP_TOKEN, "NotHexadecimal")
    assert apple.connections == 0


def test_many_pushes_share_one_connection(apple: FakeApns, apns: Apns) -> None:
    for _ in range(5):
        apns.push(TOKEN, topic=TOPIC)
    apns.push_all([f"{number:064x}" for number in range(50)], topic=TOPIC)
    assert len(apple.pushes) == 55
    assert apple.connections == 1


def test_every_token_of_a_round_gets_its_own_answer(apple: FakeApns, apns: Apns) -> None:
    tokens = [f"{number:064x}" for number in range(40)]
    apple.script(tokens[7], [Answer(400, "BadDeviceToken")])
    apple.script(tokens[20], [Answer(429, "TooManyRequests")])
    answers = apns.push_all([*tokens, "not hex"], topic=TOPIC)
    odd = {token: answer.kind for token, answer in answers.items() if answer.kind is not PushKind.DELIVERED}
    assert len(answers) == 41
    assert odd == {
        tokens[7]: PushKind.DROP_TOKEN,
        tokens[20]: PushKind.THROTTLED,
        "not hex": PushKind.DROP_TOKEN,
    }


def test_a_token_named_twice_is_pushed_once(apple: FakeApns, apns: Apns) -> None:
    assert set(apns.push_all([TOKEN, OTHER_TOKEN, TOKEN], topic=TOPIC)) == {TOKEN, OTHER_TOKEN}
    assert len(apple.pushes) == 2


def test_an_empty_round_needs_no_connection(apple: FakeApns, apns: Apns) -> None:
    assert apns.push_all([], topic=TOPIC) == {}
    assert apple.connections == 0


def test_a_round_ends_when_the_certificate_is_refused(apple: FakeApns, apns: Apns) -> None:
    answers = apns.push_all([f"{number:064x}" for number in range(300)], topic="pass.example.globex")
    assert len(answers) == 300
    assert {answer.kind for answer in answers.values()} == {PushKind.CREDENTIAL_REFUSED}
    assert len(apple.pushes) == 1


def test_a_certificate_refused_on_the_way_ends_the_round(apple: FakeApns, apns: Apns) -> None:
    tokens = [f"{number:064x}" for number in range(300)]
    apple.script(tokens[50], [Answer(403, "BadCertificate")])
    answers = apns.push_all(tokens, topic=TOPIC)
    assert len(answers) == 300
    assert answers[tokens[0]].kind is PushKind.DELIVERED
    assert answers[tokens[299]] == answers[tokens[50]]
    assert 50 < len(apple.pushes) < 100


@pytest.mark.parametrize("before", [[], [OTHER_TOKEN]])
@pytest.mark.parametrize("fault", [Fault.GOAWAY, Fault.DROP, Fault.RESET])
def test_a_push_that_lost_its_connection_goes_out_on_the_next(
    fault: Fault, before: list[str], apple: FakeApns, apns: Apns
) -> None:
    apns.push_all(before, topic=TOPIC)
    apple.script(TOKEN, [fault])
    assert apns.push(TOKEN, topic=TOPIC).kind is PushKind.DELIVERED
    assert [push.token for push in apple.pushes] == [*before, TOKEN, TOKEN]
    assert apple.connections == (1 if fault is Fault.RESET else 2)


def test_a_connection_that_apple_closed_meanwhile_is_replaced(apple: FakeApns, apns: Apns) -> None:
    apns.push(TOKEN, topic=TOPIC)
    apple.hang_up()
    assert apns.push(TOKEN, topic=TOPIC).kind is PushKind.DELIVERED
    assert apple.connections == 2


@pytest.mark.parametrize("fault", [Fault.GOAWAY, Fault.DROP])
def test_a_round_survives_a_lost_connection(fault: Fault, apple: FakeApns, apns: Apns) -> None:
    tokens = [f"{number:064x}" for number in range(60)]
    apple.script(tokens[25], [fault])
    answers = apns.push_all(tokens, topic=TOPIC)
    assert {answer.kind for answer in answers.values()} == {PushKind.DELIVERED}
    assert apple.connections == 2


@pytest.mark.parametrize(
    "fault", [Fault.GOAWAY, Fault.DROP, Fault.RESET, Fault.GARBAGE, Fault.SILENCE, Fault.CHATTER]
)
def test_a_push_without_an_answer_is_tried_later(fault: Fault, apple: FakeApns, hasty: Apns) -> None:
    started = time.monotonic()
    answer = push_meeting(fault, apple=apple, apns=hasty)
    assert (answer.kind, answer.status) == (PushKind.RETRY_LATER, None)
    assert answer.reason
    assert time.monotonic() - started < 1.8
    assert hasty.push(OTHER_TOKEN, topic=TOPIC).kind is PushKind.DELIVERED


def test_a_push_that_hangs_holds_up_no_other(apple: FakeApns, hasty: Apns) -> None:
    tokens = [f"{number:064x}" for number in range(10)]
    apple.script(tokens[5], repeat(Fault.CHATTER))
    answers = hasty.push_all(tokens, topic=TOPIC)
    assert answers.pop(tokens[5]) == PushAnswer(PushKind.RETRY_LATER, "TimeoutError")
    assert {answer.kind for answer in answers.values()} == {PushKind.DELIVERED}


def test_a_server_that_never_shakes_hands_is_tried_later(identity: Identity) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        with Apns(
            url, certificate_pem=identity.certificate_pem, key_pem=identity.key_pem, deadline=1
        ) as apns:
            answers = apns.push_all([TOKEN, OTHER_TOKEN], topic=TOPIC)
            assert {answer.reason for answer in answers.values()} == {"ConnectTimeout"}
        with mute.accept()[0] as connection:
            connection.settimeout(1)
            assert connection.recv(9999).startswith(b"\x16\x03")
            assert connection.recv(9999) == b""


def test_without_a_network_a_whole_round_is_tried_later(identity: Identity) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{nobody_listens.getsockname()[1]}"
        with Apns(url, certificate_pem=identity.certificate_pem, key_pem=identity.key_pem) as apns:
            answers = apns.push_all([f"{number:064x}" for number in range(5000)], topic=TOPIC)
    assert set(answers.values()) == {
        PushAnswer(PushKind.RETRY_LATER, "ConnectError", for_every_token=True),
    }


def test_a_host_without_an_address_is_tried_later(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_such_host(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_host)
    with Apns(
        "https://apns.invalid", certificate_pem=identity.certificate_pem, key_pem=identity.key_pem
    ) as apns:
        assert apns.push(TOKEN, topic=TOPIC).kind is PushKind.RETRY_LATER


def test_proxies_of_the_environment_are_not_used(
    apple: FakeApns, identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with connect(apple, identity=identity, tmp_path=tmp_path) as apns:
        assert apns.push(TOKEN, topic=TOPIC).kind is PushKind.DELIVERED


def test_a_server_that_cannot_be_trusted_hears_of_no_token(apple: FakeApns, identity: Identity) -> None:
    with Apns(apple.url, certificate_pem=identity.certificate_pem, key_pem=identity.key_pem) as apns:
        assert apns.push(TOKEN, topic=TOPIC).kind is PushKind.RETRY_LATER
    assert apple.pushes == []


@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("flaw", ["strange", "expired"])
def test_a_certificate_that_apple_turns_away_stops_the_credential(
    tls: ssl.TLSVersion, flaw: str, wwdr: Authority, tmp_path: Path
) -> None:
    strange, expired = Authority("Strange").issue_client(TOPIC), wwdr.issue_client(TOPIC, until=YESTERDAY)
    identity = {"strange": strange, "expired": expired}[flaw]
    with (
        FakeApns(client_ca_pem=wwdr.pem, tls=tls) as apple,
        connect(apple, identity=identity, tmp_path=tmp_path) as apns,
    ):
        answer = apns.push(TOKEN, topic=TOPIC)
        assert answer == PushAnswer(PushKind.CREDENTIAL_REFUSED, "TlsAlert", for_every_token=True)
        assert apple.pushes == []


def test_tls_1_2_is_enough(wwdr: Authority, identity: Identity, tmp_path: Path) -> None:
    with (
        FakeApns(client_ca_pem=wwdr.pem, tls=ssl.TLSVersion.TLSv1_2) as apple,
        connect(apple, identity=identity, tmp_path=tmp_path) as apns,
    ):
        assert apns.push(TOKEN, topic=TOPIC).kind is PushKind.DELIVERED


def test_a_key_of_another_certificate_is_refused(identity: Identity, wwdr: Authority) -> None:
    other_key = wwdr.issue_client(TOPIC).key_pem
    with pytest.raises(ssl.SSLError):
        Apns("https://127.0.0.1:1", certificate_pem=identity.certificate_pem, key_pem=other_key)


def test_an_encrypted_key_asks_nobody_for_a_password(identity: Identity) -> None:
    key = load_pem_private_key(identity.key_pem, None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    with pytest.raises(ssl.SSLError):
        Apns("https://127.0.0.1:1", certificate_pem=identity.certificate_pem, key_pem=locked)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_key_is_left_nowhere(
    platform: str, apple: FakeApns, identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(sys, "platform", platform)
    with connect(apple, identity=identity, tmp_path=tmp_path) as apns:
        assert apns.push(TOKEN, topic=TOPIC).kind is PushKind.DELIVERED
        assert list(temporary.iterdir()) == []
        assert [file for file in open_files() if "pass-certificate" in file] == []


def open_files() -> list[str]:
    descriptors = Path("/proc/self/fd")
    return [os.path.realpath(file) for file in descriptors.iterdir()] if descriptors.exists() else []

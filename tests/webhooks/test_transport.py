"""One POST to receivers that behave and misbehave."""

from __future__ import annotations

import asyncio
import gzip
import resource
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.webhooks.name_server import name_server
from tests.webhooks.posting import BODY, HEADERS, LOOPBACK, names, post, post_to
from tests.webhooks.strangers import (
    OK,
    Script,
    drips,
    floods,
    hangs,
    resets,
    says,
    says_and_closes,
    stranger,
)
from webhooks import connector
from webhooks.outcomes import Outcome
from webhooks.transport import EXCERPT_BYTES, open_transport, parse_retry_after


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """This process can open nothing for as long as the block lasts."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def _answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_the_very_bytes_arrive_under_the_names_they_are_sent_with() -> None:
    async def scene() -> list[tuple[bytes, bytes]]:
        async with stranger(says(OK)) as receiver:
            url = f"http://hooks.example:{receiver.port}/in?token=a%2Fb"
            result = await post(url, lookup=names("127.0.0.1"))
            assert result.outcome is Outcome.SUCCEEDED
            assert (result.status, result.excerpt, result.retry_after) == (200, b"ok", None)
            assert 0 <= result.duration_ms < 5000
            return receiver.requests

    [(head, body)] = asyncio.run(scene())
    request_line, *headers = head.decode().lower().split("\r\n")
    assert body == BODY
    assert request_line == "post /in?token=a%2fb http/1.1"
    assert "user-agent: passflow-webhooks/1" in headers
    assert "content-type: application/json" in headers
    assert "webhook-id: msg_1" in headers
    assert any(header.startswith("host: hooks.example:") for header in headers)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("200 OK", Outcome.SUCCEEDED),
        ("202 Accepted", Outcome.SUCCEEDED),
        ("204 No Content", Outcome.SUCCEEDED),
        ("299 Odd", Outcome.SUCCEEDED),
        ("304 Not Modified", Outcome.FAILED),
        ("400 Bad Request", Outcome.FAILED),
        ("401 Unauthorized", Outcome.FAILED),
        ("404 Not Found", Outcome.FAILED),
        ("410 Gone", Outcome.GONE),
        ("429 Too Many Requests", Outcome.FAILED),
        ("500 Internal Server Error", Outcome.FAILED),
        ("503 Service Unavailable", Outcome.FAILED),
    ],
)
def test_only_2xx_succeeds_and_410_is_gone(status: str, outcome: Outcome) -> None:
    result = post_to(says(_answer(status)))
    assert (result.outcome, result.status) == (outcome, int(status[:3]))


@pytest.mark.parametrize(
    "status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent"]
)
def test_a_redirect_is_a_failure_and_not_followed(status: str) -> None:
    async def scene() -> None:
        async with stranger(says(OK)) as elsewhere:
            async with stranger(says(_answer(status, f"Location: {elsewhere.url}"))) as receiver:
                result = await post(receiver.url)
                assert (result.outcome, result.status) == (Outcome.FAILED, int(status[:3]))
                assert len(receiver.requests) == 1
            assert elsewhere.connections == 0

    asyncio.run(scene())


@pytest.mark.parametrize(
    "script",
    [
        hangs,
        drips(b"HTTP/1.1 200 OK\r\n", drop=b"X-Drip: drop\r\n"),
        drips(b"HTTP/1.1 200 OK\r\nX-Drip: ", drop=b"x"),
        drips(b"", drop=b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        drips(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", drop=b"x"),
        drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", drop=b"1\r\nx\r\n"),
        drips(b"HTTP/1.1 200 OK\r\n\r\n", drop=b"x"),
    ],
    ids=["silence", "headers", "one header", "hints", "body", "chunks", "endless"],
)
def test_one_deadline_covers_everything_the_receiver_can_delay(script: Script) -> None:
    began = time.monotonic()
    result = post_to(script, deadline=0.5)
    assert result.outcome is Outcome.TIMED_OUT
    assert 500 <= result.duration_ms < 900
    assert time.monotonic() - began < 2


def test_what_came_before_the_deadline_is_kept() -> None:
    result = post_to(drips(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n", drop=b"x"), deadline=0.5)
    assert (result.outcome, result.status, result.retry_after) == (Outcome.TIMED_OUT, 503, 7)
    assert result.excerpt.startswith(b"xxx")


def test_a_name_that_never_resolves_ends_with_the_deadline() -> None:
    async def never(host: str) -> Sequence[str]:
        await asyncio.sleep(3600)
        return []

    result = asyncio.run(post("http://hooks.example:9000/", lookup=never, deadline=0.3))
    assert result.outcome is Outcome.TIMED_OUT
    assert result.duration_ms < 900


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 314572800\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"],
    ids=["announced", "unannounced"],
)
def test_of_300_mb_only_16_kb_are_read(start: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = post_to(floods(start, size=300 * 1024 * 1024))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (result.outcome, len(result.excerpt)) == (Outcome.SUCCEEDED, EXCERPT_BYTES)
    assert result.duration_ms < 2000
    assert after - before < 20_000


def test_an_answer_of_exactly_the_limit_is_kept_whole() -> None:
    result = post_to(says(_answer("200 OK", body=b"x" * EXCERPT_BYTES)))
    assert (result.outcome, len(result.excerpt)) == (Outcome.SUCCEEDED, EXCERPT_BYTES)


def test_a_compressed_answer_is_not_unpacked() -> None:
    packed = gzip.compress(bytes(10_000_000))[:EXCERPT_BYTES]
    result = post_to(says(_answer("200 OK", "Content-Encoding: gzip", body=packed)))
    assert result.excerpt == packed


@pytest.mark.parametrize(
    "script",
    [
        resets,
        says_and_closes(b""),
        says_and_closes(b"HTTP/1.1 200 OK\r\nContent-Le"),
        says_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"),
        says_and_closes(b"SSH-2.0-OpenSSH_9.2\r\n"),
        says_and_closes(b"HTTP/1.1 99999 Odd\r\n\r\n"),
        says_and_closes(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n"),
        says_and_closes(b"HTTP/1.1 200 OK\r\n" + b"X-Many: x\r\n" * 10_000 + b"\r\n"),
        says_and_closes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    ],
    ids=[
        "reset",
        "nothing",
        "cut headers",
        "cut body",
        "ssh",
        "status",
        "long header",
        "many headers",
        "chunk",
    ],
)
def test_an_answer_that_is_no_http_answer_is_broken(script: Script) -> None:
    assert post_to(script).outcome is Outcome.BROKEN


def test_a_closed_port_is_unreachable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        result = asyncio.run(post(f"http://127.0.0.1:{closed.getsockname()[1]}/"))
    assert (result.outcome, result.status) == (Outcome.UNREACHABLE, None)


@pytest.mark.parametrize("host", ["127.0.0.1", "hooks.example"])
def test_without_a_file_descriptor_the_fault_is_on_this_side(
    host: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with (
            name_server(lambda name: ["127.0.0.1"]),
            stranger(says(OK)) as receiver,
            open_transport(policy=LOOPBACK) as transport,
        ):
            url = f"http://{host}:{receiver.port}/"
            with no_descriptor_left():
                result = await transport.post(url, headers=HEADERS, body=BODY)
            assert (result.outcome, result.status) == (Outcome.INTERNAL_ERROR, None)
            result = await transport.post(url, headers=HEADERS, body=BODY)
            assert result.outcome is Outcome.SUCCEEDED

    asyncio.run(scene())
    assert "an attempt could not be made" in caplog.text


def test_cookies_are_not_kept_and_the_connection_is() -> None:
    async def scene() -> None:
        async with stranger(says(_answer("200 OK", "Set-Cookie: session=1; Path=/"))) as receiver:
            url = f"http://hooks.example:{receiver.port}/"
            async with open_transport(policy=LOOPBACK, lookup=names("127.0.0.1")) as transport:
                for _ in range(2):
                    await transport.post(url, headers=HEADERS, body=BODY)
            assert receiver.connections == 1
            assert len(receiver.requests) == 2
            assert b"cookie" not in receiver.requests[1][0].lower()

    asyncio.run(scene())


def test_a_connection_is_kept_no_longer_than_servers_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connector.KEPT_SECONDS < 5
    monkeypatch.setattr(connector, "KEPT_SECONDS", 0.1)

    async def scene() -> None:
        async with stranger(says(OK)) as receiver, open_transport(policy=LOOPBACK) as transport:
            await transport.post(receiver.url, headers=HEADERS, body=BODY)
            await asyncio.sleep(0.3)
            assert receiver.ended == 1
            await transport.post(receiver.url, headers=HEADERS, body=BODY)
            assert receiver.connections == 2

    asyncio.run(scene())


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post_to(says(OK)).outcome is Outcome.SUCCEEDED


def test_credentials_of_a_netrc_file_are_not_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login root password word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    async def scene() -> bytes:
        async with stranger(says(OK)) as receiver:
            await post(receiver.url)
            return receiver.requests[0][0]

    assert b"authorization" not in asyncio.run(scene()).lower()


def test_hundreds_of_posts_share_one_transport() -> None:
    async def scene() -> None:
        async with stranger(says(OK)) as receiver:
            async with open_transport(policy=LOOPBACK) as transport:
                posts = [transport.post(receiver.url, headers=HEADERS, body=BODY) for _ in range(300)]
                results = await asyncio.gather(*posts)
            assert {result.outcome for result in results} == {Outcome.SUCCEEDED}
            assert len(receiver.requests) == 300

    asyncio.run(scene())


def test_retry_after_is_read_in_both_forms() -> None:
    assert post_to(says(_answer("429 Slow", "Retry-After: 120"))).retry_after == 120
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    waited = post_to(says(_answer("503 Busy", f"Retry-After: {date}"))).retry_after
    assert waited is not None
    assert 80 <= waited <= 90


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("999999999", 999_999_999),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 5000, None),
        ("\u0661\u0662", None),
        ("Wed, 21 Oct 2015 07:28:00", None),
        ("Wed, 99 Oct 99999 07:28:00 GMT", None),
    ],
)
def test_a_retry_after_that_says_nothing_is_ignored(text: str, seconds: int | None) -> None:
    assert parse_retry_after(text) == seconds

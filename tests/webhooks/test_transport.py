"""One POST to receivers that behave, misbehave, and to places that must not be reached at all."""

from __future__ import annotations

import asyncio
import gzip
import json
import resource
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import aiohttp
import pytest

from tests.webhooks.certificates import Certificates
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
from webhooks.addresses import Policy, parse_networks
from webhooks.connector import Lookup, RefusedAddress, checked_connector
from webhooks.outcomes import Outcome
from webhooks.transport import EXCERPT_BYTES, Result, open_transport, parse_retry_after

TARGETS = json.loads(Path(__file__).with_name("vectors").joinpath("outbound-targets.json").read_text())
CLOSED = Policy()
LOOPBACK = Policy(open_networks=parse_networks(["127.0.0.0/8"]))
BODY = '{"type":"webhook.test","name":"Zoë"}'.encode()
HEADERS = {"webhook-id": "msg_1"}


def _answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def _post(
    url: str, *, policy: Policy = LOOPBACK, lookup: Lookup | None = None, deadline: float = 5.0
) -> Result:
    async with open_transport(policy=policy, lookup=lookup, deadline=deadline) as transport:
        return await transport.post(url, headers=HEADERS, body=BODY)


def _post_to(script: Script, *, deadline: float = 5.0) -> Result:
    async def scene() -> Result:
        async with stranger(script) as receiver:
            return await _post(receiver.url, deadline=deadline)

    return asyncio.run(scene())


def _names(*addresses: str) -> Lookup:
    async def lookup(host: str) -> Sequence[str]:
        return addresses

    return lookup


def test_the_very_bytes_arrive_under_the_names_they_are_sent_with() -> None:
    async def scene() -> list[tuple[bytes, bytes]]:
        async with stranger(says(OK)) as receiver:
            url = f"http://hooks.example:{receiver.port}/in?token=a%2Fb"
            result = await _post(url, lookup=_names("127.0.0.1"))
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
    result = _post_to(says(_answer(status)))
    assert (result.outcome, result.status) == (outcome, int(status[:3]))


@pytest.mark.parametrize(
    "status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent"]
)
def test_a_redirect_is_a_failure_and_not_followed(status: str) -> None:
    async def scene() -> None:
        async with stranger(says(OK)) as elsewhere:
            async with stranger(says(_answer(status, f"Location: {elsewhere.url}"))) as receiver:
                result = await _post(receiver.url)
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
    result = _post_to(script, deadline=0.5)
    assert result.outcome is Outcome.TIMED_OUT
    assert 500 <= result.duration_ms < 900
    assert time.monotonic() - began < 2


def test_what_came_before_the_deadline_is_kept() -> None:
    result = _post_to(drips(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n", drop=b"x"), deadline=0.5)
    assert (result.outcome, result.status, result.retry_after) == (Outcome.TIMED_OUT, 503, 7)
    assert result.excerpt.startswith(b"xxx")


def test_a_name_that_never_resolves_ends_with_the_deadline() -> None:
    async def never(host: str) -> Sequence[str]:
        await asyncio.sleep(3600)
        return []

    result = asyncio.run(_post("http://hooks.example:9000/", lookup=never, deadline=0.3))
    assert result.outcome is Outcome.TIMED_OUT
    assert result.duration_ms < 900


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 314572800\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"],
    ids=["announced", "unannounced"],
)
def test_of_300_mb_only_16_kb_are_read(start: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = _post_to(floods(start, size=300 * 1024 * 1024))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (result.outcome, len(result.excerpt)) == (Outcome.SUCCEEDED, EXCERPT_BYTES)
    assert result.duration_ms < 2000
    assert after - before < 20_000


def test_an_answer_of_exactly_the_limit_is_kept_whole() -> None:
    result = _post_to(says(_answer("200 OK", body=b"x" * EXCERPT_BYTES)))
    assert (result.outcome, len(result.excerpt)) == (Outcome.SUCCEEDED, EXCERPT_BYTES)


def test_a_compressed_answer_is_not_unpacked() -> None:
    packed = gzip.compress(bytes(10_000_000))[:EXCERPT_BYTES]
    result = _post_to(says(_answer("200 OK", "Content-Encoding: gzip", body=packed)))
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
    assert _post_to(script).outcome is Outcome.BROKEN


def test_a_closed_port_is_unreachable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        result = asyncio.run(_post(f"http://127.0.0.1:{closed.getsockname()[1]}/"))
    assert (result.outcome, result.status) == (Outcome.UNREACHABLE, None)


def test_a_name_without_addresses_is_unresolved() -> None:
    async def unknown(host: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for lookup in (unknown, _names()):
        result = asyncio.run(_post("http://hooks.example:9000/", lookup=lookup))
        assert result.outcome is Outcome.UNRESOLVED


def test_cookies_are_not_kept_and_the_connection_is() -> None:
    async def scene() -> None:
        async with stranger(says(_answer("200 OK", "Set-Cookie: session=1; Path=/"))) as receiver:
            url = f"http://hooks.example:{receiver.port}/"
            async with open_transport(policy=LOOPBACK, lookup=_names("127.0.0.1")) as transport:
                for _ in range(2):
                    await transport.post(url, headers=HEADERS, body=BODY)
            assert receiver.connections == 1
            assert len(receiver.requests) == 2
            assert b"cookie" not in receiver.requests[1][0].lower()

    asyncio.run(scene())


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert _post_to(says(OK)).outcome is Outcome.SUCCEEDED


def test_credentials_of_a_netrc_file_are_not_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login root password word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    async def scene() -> bytes:
        async with stranger(says(OK)) as receiver:
            await _post(receiver.url)
            return receiver.requests[0][0]

    assert b"authorization" not in asyncio.run(scene()).lower()


@pytest.mark.parametrize("address", TARGETS["refuse_addresses"])
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    result = asyncio.run(_post("http://hooks.example:9000/", policy=CLOSED, lookup=_names(address)))
    assert (result.outcome, result.status, result.excerpt) == (Outcome.REFUSED_TARGET, None, b"")


@pytest.mark.parametrize("address", TARGETS["refuse_addresses"])
def test_a_literal_that_leads_inside_is_refused(address: str) -> None:
    literal = f"[{address}]" if ":" in address else address
    result = asyncio.run(_post(f"http://{literal}:9000/", policy=CLOSED))
    assert result.outcome is Outcome.REFUSED_TARGET


@pytest.mark.parametrize("url", TARGETS["refuse_urls"])
def test_a_disguised_target_is_refused(url: str) -> None:
    assert asyncio.run(_post(url, policy=CLOSED)).outcome is Outcome.REFUSED_TARGET


@pytest.mark.parametrize("addresses", TARGETS["refuse_mixed"])
def test_one_refused_address_refuses_the_whole_answer(addresses: list[str]) -> None:
    async def scene() -> None:
        async with stranger(says(OK)) as inside:
            url = f"http://hooks.example:{inside.port}/"
            result = await _post(url, policy=CLOSED, lookup=_names(*addresses))
            assert result.outcome is Outcome.REFUSED_TARGET
            assert inside.connections == 0

    asyncio.run(scene())


@pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"])
def test_a_name_that_changes_between_check_and_connection_gains_nothing() -> None:
    asked = []

    async def rebinding(host: str) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    async def scene() -> None:
        policy = Policy(open_networks=parse_networks(["127.0.0.2/32"]))
        async with (
            stranger(says_and_closes(OK), host="127.0.0.2") as receiver,
            stranger(says(OK), host="127.0.0.1", port=receiver.port) as inside,
        ):
            url = f"http://hooks.example:{receiver.port}/"
            result = await _post(url, policy=policy, lookup=rebinding)
            assert result.outcome is Outcome.SUCCEEDED
            assert asked == ["hooks.example"]
            result = await _post(url, policy=policy, lookup=rebinding)
            assert result.outcome is Outcome.REFUSED_TARGET
            assert (receiver.connections, inside.connections) == (1, 0)

    asyncio.run(scene())


def test_the_connection_itself_is_checked_even_without_a_name() -> None:
    async def scene() -> None:
        async with stranger(says(OK)) as inside:
            connector = checked_connector(policy=CLOSED, lookup=None, trust=None)
            async with aiohttp.ClientSession(connector=connector) as session:
                with pytest.raises(aiohttp.ClientConnectorError) as refusal:
                    await session.post(inside.url)
            assert isinstance(refusal.value.os_error, RefusedAddress)
            assert inside.connections == 0

    asyncio.run(scene())


def test_localhost_is_this_machine_and_never_looked_up() -> None:
    async def elsewhere(host: str) -> Sequence[str]:
        raise AssertionError(host)

    async def scene() -> None:
        async with stranger(says(OK)) as receiver:
            url = f"http://localhost:{receiver.port}/"
            assert (await _post(url, lookup=elsewhere)).outcome is Outcome.SUCCEEDED
            assert (await _post(url, policy=CLOSED, lookup=elsewhere)).outcome is Outcome.REFUSED_TARGET

    asyncio.run(scene())


def test_names_are_resolved_by_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(host: str, port: object, **options: object) -> list[tuple[object, ...]]:
        assert host == "hooks.example"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    async def scene() -> Result:
        async with stranger(says(OK)) as receiver:
            monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
            return await _post(f"http://hooks.example:{receiver.port}/")

    assert asyncio.run(scene()).outcome is Outcome.SUCCEEDED


def test_tls_asks_for_the_name_and_verifies_it(certificates: Certificates) -> None:
    async def scene() -> None:
        server, names = certificates.server_context("hooks.example")
        async with stranger(says(OK), tls=server) as receiver:
            trust = certificates.client_context()
            async with open_transport(policy=LOOPBACK, lookup=_names("127.0.0.1"), trust=trust) as transport:
                for name, outcome in {
                    "hooks.example": Outcome.SUCCEEDED,
                    "other.example": Outcome.UNTRUSTED,
                }.items():
                    result = await transport.post(
                        f"https://{name}:{receiver.port}/", headers=HEADERS, body=BODY
                    )
                    assert result.outcome is outcome
                assert names == ["hooks.example", "other.example"]
                assert len(receiver.requests) == 1

    asyncio.run(scene())


def test_a_certificate_of_nobody_is_untrusted(certificates: Certificates) -> None:
    async def scene() -> None:
        server, _ = certificates.server_context("hooks.example")
        async with stranger(says(OK), tls=server) as receiver:
            result = await _post(f"https://hooks.example:{receiver.port}/", lookup=_names("127.0.0.1"))
            assert result.outcome is Outcome.UNTRUSTED
            assert receiver.requests == []

    asyncio.run(scene())


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
    assert _post_to(says(_answer("429 Slow", "Retry-After: 120"))).retry_after == 120
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    waited = _post_to(says(_answer("503 Busy", f"Retry-After: {date}"))).retry_after
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

"""What docs/webhooks.md tells receivers is so: its programs run, on what our own dispatcher sends."""

from __future__ import annotations

import base64
import json
import os
import re
import runpy
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from credentials.models import Account
from tests import factories
from tests.webhooks.receivers import Hook
from webhooks import deliveries, endpoint_secrets, endpoints
from webhooks.dispatch import deliver_due
from webhooks.signing import signed_headers

PAGE = (settings.BASE_DIR / "docs" / "webhooks.md").read_text()
BLOCKS = {
    (language, name): code
    for language, name, code in re.findall(r"```(\w+) (\S+)\n(.*?)```", PAGE, re.DOTALL)
}
FOLDER = Path(__file__).with_name("receiver")
NPM, NODE = shutil.which("npm"), shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="needs Node.js")
needs_npm = pytest.mark.skipif(
    NPM is None or NODE is None or "REDIS_URL" not in os.environ,
    reason="needs npm and Node.js, and `make test` fetches nothing from the network",
)


@dataclass(frozen=True)
class Case:
    """What a verifier is given."""

    key: str
    headers: dict[str, str]
    body: bytes


Judge = Callable[[Path, str, Sequence[Case]], list[Any]]


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the lock names, and nothing else."""
    folder = tmp_path_factory.mktemp("receiver")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(FOLDER / name, folder)
    fetched = run(str(NPM), "ci", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund")
    if fetched.returncode:
        pytest.skip(f"npm cannot fetch what the lock names: {fetched.stderr[-300:]}")
    return folder


def run(*command: str, sent: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=sent, capture_output=True, text=True, timeout=120, check=False)


def judge_in_python(folder: Path, name: str, cases: Sequence[Case]) -> list[Any]:
    """The message for each case, or None when the program on the page has thrown."""
    program = folder / f"{name}.py"
    program.write_text(BLOCKS["python", name])
    verify = runpy.run_path(str(program))["verify"]

    def judged(case: Case) -> Any:
        try:
            return verify(case.key, case.headers, case.body)
        except Exception:  # noqa: BLE001 - whatever it raises, it has refused
            return None

    return [judged(case) for case in cases]


def judge_in_node(folder: Path, name: str, cases: Sequence[Case]) -> list[Any]:
    """As `judge_in_python`."""
    program = folder / f"{name}.mjs"
    program.write_text(BLOCKS["js", name])
    sent = [
        {"key": case.key, "headers": case.headers, "body": base64.b64encode(case.body).decode()}
        for case in cases
    ]
    judged = run(str(NODE), str(FOLDER / "judge.mjs"), str(program), sent=json.dumps(sent))
    assert judged.returncode == 0, judged.stderr
    verdicts: list[Any] = json.loads(judged.stdout)
    return verdicts


def cases_for(hook: Hook, *, key: str, other: str) -> list[Case]:
    """Two messages as they arrived; then one with another body, for another key, and from ten minutes ago."""
    factories.credential(hook.endpoint.account)
    endpoints.send_test(hook.endpoint, actor="test")
    deliver_due()
    first, second = hook.receiver.received[-2:]
    keys = endpoint_secrets.live_keys([hook.endpoint], now=timezone.now())[hook.endpoint.pk]
    then = timezone.now() - timedelta(minutes=10)
    late = signed_headers(message_id=first.message_id, timestamp=then, body=first.body, secrets=keys)
    return [
        Case(key, first.headers, first.body),
        Case(key, second.headers, second.body),
        Case(key, first.headers, second.body),
        Case(other, first.headers, first.body),
        Case(key, late, first.body),
    ]


def check_verdicts(verdicts: list[Any], cases: Sequence[Case]) -> None:
    assert verdicts == [json.loads(cases[0].body), json.loads(cases[1].body), None, None, None]


@pytest.mark.parametrize("name", ["library", "v1"])
def test_a_shared_secret_verifies_in_python(hook: Hook, tmp_path: Path, name: str) -> None:
    other = str(endpoints.rotate_secret(hook.endpoint, overlap=timedelta(), actor="test")[1])
    cases = cases_for(hook, key=other, other=hook.secret)
    check_verdicts(judge_in_python(tmp_path, name, cases), cases)


@needs_node
def test_a_shared_secret_verifies_in_node(hook: Hook, tmp_path: Path) -> None:
    other = str(endpoints.rotate_secret(hook.endpoint, overlap=timedelta(), actor="test")[1])
    cases = cases_for(hook, key=other, other=hook.secret)
    check_verdicts(judge_in_node(tmp_path, "v1", cases), cases)


@needs_npm
def test_the_library_verifies_in_node(hook: Hook, node_modules: Path) -> None:
    other = str(endpoints.rotate_secret(hook.endpoint, overlap=timedelta(), actor="test")[1])
    cases = cases_for(hook, key=other, other=hook.secret)
    check_verdicts(judge_in_node(node_modules, "library", cases), cases)


@pytest.mark.parametrize("judge", [judge_in_python, pytest.param(judge_in_node, marks=needs_node)])
def test_a_public_key_verifies(hook: Hook, tmp_path: Path, judge: Judge) -> None:
    former, _ = endpoints.rotate_secret(hook.endpoint, signature_scheme="v1a", actor="test")
    leaked = str(former.public_key)
    current, _ = endpoints.rotate_secret(hook.endpoint, overlap=timedelta(), actor="test")
    cases = cases_for(hook, key=str(current.public_key), other=leaked)
    check_verdicts(judge(tmp_path, "v1a", cases), cases)


@pytest.mark.parametrize("judge", [judge_in_python, pytest.param(judge_in_node, marks=needs_node)])
def test_while_schemes_change_each_verifier_finds_its_own_signature(
    hook: Hook, tmp_path: Path, judge: Judge
) -> None:
    asymmetric, _ = endpoints.rotate_secret(hook.endpoint, signature_scheme="v1a", actor="test")
    endpoints.send_test(hook.endpoint, actor="test")
    deliver_due()
    [received] = hook.receiver.received
    for name, key in (("v1", hook.secret), ("v1a", str(asymmetric.public_key))):
        assert judge(tmp_path, name, [Case(key, received.headers, received.body)]) == [received.message]


def printed_by(*command: str, secret: str, port: int, scene: Callable[[], None]) -> list[str]:
    """What a receiver of the page prints while `scene` is played, in a process of its own."""
    process = subprocess.Popen(
        command,
        env=os.environ | {"WEBHOOK_SECRET": secret, "PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not listens(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        scene()
    finally:
        process.terminate()
        printed = process.communicate()[0]
    return printed.split()


def listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def check_receiver(account: Account, *command: str) -> None:
    """It takes what is genuine, works on it once, and refuses what is signed with another key."""
    port = free_port()
    endpoint, secret = endpoints.create_endpoint(account, url=f"http://127.0.0.1:{port}/hook", actor="test")

    def scene() -> None:
        delivery = endpoints.send_test(endpoint, actor="test")
        assert deliver_due() == {"succeeded": 1}
        deliveries.retry_delivery(delivery, actor="test")
        factories.credential(account)
        assert deliver_due() == {"succeeded": 2}
        endpoints.rotate_secret(endpoint, overlap=timedelta(), actor="test")
        endpoints.send_test(endpoint, actor="test")
        assert deliver_due() == {"failed": 1}

    printed = printed_by(*command, secret=str(secret), port=port, scene=scene)
    assert sorted(printed) == ["credential.created", "webhook.test"]


def test_the_receiver_in_python_works(open_loopback: None, acme: Account, tmp_path: Path) -> None:
    program = tmp_path / "receiver.py"
    program.write_text(BLOCKS["python", "receiver"])
    check_receiver(acme, sys.executable, str(program))


@needs_npm
def test_the_receiver_in_node_works(open_loopback: None, acme: Account, node_modules: Path) -> None:
    program = node_modules / "receiver.mjs"
    program.write_text(BLOCKS["js", "receiver"])
    check_receiver(acme, str(NODE), str(program))

"""`manage.py demo`: everything a first look needs, twice in a row, and gone when it is told to."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.apple_pass_checker import check
from tests.passflow.processes import ROOT, Installation
from tests.webhooks.receivers import listening


@dataclass(frozen=True)
class Demo:
    """A demo that is being served: what it printed, and what it wrote for other programs."""

    process: subprocess.Popen[str]
    printed: str
    facts: dict[str, Any]
    var: Path

    @property
    def api(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.facts['api_key']}"}
        return httpx.Client(base_url=f"{self.facts['base_url']}/api/v3", headers=headers)


@dataclass(frozen=True)
class Runs:
    """Two demos, one after the other in the same folder."""

    first: Demo
    ended_with: int
    second: Demo


@contextmanager
def serving(installation: Installation) -> Iterator[Demo]:
    """The demo, in a group of processes of its own, from the moment it says that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "demo"],
        cwd=ROOT,
        env=installation.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        printed = ""
        while "Ctrl-C" not in printed:
            line = process.stdout.readline()
            assert line, f"the demo ended: {printed}"
            printed += line
        facts = json.loads((installation.var / "demo.json").read_text())
        wait_until(lambda: answers(facts["base_url"]))
        yield Demo(process, printed, facts, installation.var)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    installation = Installation(tmp_path_factory.mktemp("demo") / "var", {"PORT": str(free_port())})
    with serving(installation) as first:
        first.process.terminate()
        ended_with = first.process.wait(timeout=20)
        # Python's own resource tracker notices a moment later that it is not needed any more.
        wait_until(lambda: not living(first.process.pid))
    with serving(installation) as second:
        yield Runs(first, ended_with, second)


@pytest.fixture
def demo(runs: Runs) -> Demo:
    return runs.second


def test_it_writes_what_other_programs_rely_on(demo: Demo) -> None:
    facts = demo.facts
    assert {name: type(value) for name, value in facts.items()} == {
        "base_url": str,
        "api_key": str,
        "account": str,
        "redemption_url": str,
        "credential_id": str,
        "person_id": int,
        "admin": dict,
        "apple": dict,
    }
    assert facts["account"] == "demo"
    assert set(facts["admin"]) == {"url", "username", "password"}
    assert set(facts["apple"]) == {"root_certificate", "pass_type_identifier", "team_identifier"}
    assert (demo.var / "demo.json").stat().st_mode & 0o777 == 0o600


def test_it_tells_where_everything_is_and_nothing_else(demo: Demo) -> None:
    facts = demo.facts
    for told in (
        facts["redemption_url"],
        facts["api_key"],
        facts["admin"]["url"],
        facts["admin"]["password"],
    ):
        assert told in demo.printed
    assert str(demo.var / "demo.json") in demo.printed
    assert demo.printed.startswith("PassFlow is ready.\n")


def test_a_second_run_reuses_the_data_and_mints_a_fresh_url(runs: Runs) -> None:
    before, after = dict(runs.first.facts), dict(runs.second.facts)
    assert before.pop("redemption_url") != after.pop("redemption_url")
    assert before == after
    assert data_state(runs.first.facts["redemption_url"]) == (410, "replaced")
    assert data_state(runs.second.facts["redemption_url"]) == (200, "ready")


def test_it_ends_cleanly_with_all_its_processes(runs: Runs) -> None:
    assert runs.ended_with == 0
    assert living(runs.first.process.pid) == []


def test_a_passholder_gets_a_pass_that_the_root_vouches_for(demo: Demo) -> None:
    claim = httpx.post(f"{demo.facts['redemption_url']}/apple")
    assert claim.status_code == 303
    file = httpx.get(httpx.URL(demo.facts["base_url"]).join(claim.headers["location"]))
    root = Path(demo.facts["apple"]["root_certificate"]).read_bytes()
    content = check(file.content, root_pem=root, now=datetime.now(UTC)).pass_json
    assert content["passTypeIdentifier"] == demo.facts["apple"]["pass_type_identifier"]
    assert content["teamIdentifier"] == demo.facts["apple"]["team_identifier"]
    assert content["webServiceURL"] == f"{demo.facts['base_url']}/apple"


def test_an_integrator_hears_of_changes_on_this_machine(demo: Demo) -> None:
    with listening() as receiver, demo.api as api:
        created = api.post("/webhook_endpoints", json={"url": receiver.url})
        assert created.status_code == 201, created.text
        credential = f"/credentials/{demo.facts['credential_id']}"
        assert api.post(f"{credential}/suspend").status_code == 200
        assert api.post(f"{credential}/resume").status_code == 200
        wait_until(lambda: len(receiver.received) == 2)
        assert all(message.verified_with(created.json()["secret"]) for message in receiver.received)
        assert api.delete(f"/webhook_endpoints/{created.json()['id']}").status_code < 300


def test_the_admin_signs_in(demo: Demo) -> None:
    admin = demo.facts["admin"]
    with httpx.Client(follow_redirects=True) as browser:
        page = browser.get(admin["url"])
        assert page.status_code == 200
        form = {"username": admin["username"], "password": admin["password"], "next": "/admin/"}
        form["csrfmiddlewaretoken"] = page.text.partition('csrfmiddlewaretoken" value="')[2].partition('"')[0]
        entered = browser.post(page.url, data=form, headers={"referer": str(page.url)})
    assert entered.status_code == 200
    assert "/login/" not in str(entered.url)


def test_it_is_ready_and_has_styles(demo: Demo) -> None:
    assert httpx.get(f"{demo.facts['base_url']}/readyz").status_code == 200
    assert httpx.get(f"{demo.facts['base_url']}/static/page.js").status_code == 200


def test_an_occupied_port_is_named_before_anything_is_written(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        port = occupied.getsockname()[1]
        ended = Installation(tmp_path / "var", {"PORT": str(port)}).manage("demo")
    assert ended.returncode == 1
    assert ended.stderr.startswith("CommandError: PORT: ")
    assert str(port) in ended.stderr
    assert not (tmp_path / "var" / "demo.json").exists()
    assert not (tmp_path / "var" / "passflow.sqlite3").exists()


def test_an_origin_with_another_port_is_refused(tmp_path: Path) -> None:
    settings = {"PORT": str(free_port()), "PASSFLOW_BASE_URL": "http://127.0.0.1:1"}
    ended = Installation(tmp_path / "var", settings).manage("demo")
    assert ended.returncode == 1
    assert ended.stderr.startswith("CommandError: PASSFLOW_BASE_URL")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def answers(base_url: str) -> bool:
    try:
        return httpx.get(f"{base_url}/livez").status_code == 200
    except httpx.TransportError:
        return False


def data_state(url: str) -> tuple[int, str]:
    page = httpx.get(url)
    return page.status_code, re.findall(r'data-state="(\w+)"', page.text)[0]


def living(group: int) -> list[str]:
    """What still runs in a group of processes; who has ended and only waits to be noticed does not."""
    running = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, _, group_of = (process / "stat").read_text().rpartition(") ")[2].split()[:3]
            if int(group_of) == group and state != "Z":
                running.append((process / "cmdline").read_text().replace("\0", " "))
    return running


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)

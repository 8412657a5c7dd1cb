"""The commands of the Makefile, as far as they can be tried in an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAKE = shutil.which("make") or "make"

# Stands in for the demo: says where it would listen, and that it was told to end (by a signal sent to
# the group it is told twice, by the sender and by make).
MANAGE = """
import os, signal, sys
ends = {signal.SIGTERM, signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, ends)
print(*sys.argv[1:], "on", os.environ["PORT"], flush=True)
signal.sigwait(ends)
print("ended", flush=True)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the Makefile and nothing to install."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/runtime.txt").touch()
    (tmp_path / "requirements/dev.txt").touch()
    (tmp_path / "manage.py").write_text(MANAGE)
    return tmp_path


@pytest.fixture
def demo(checkout: Path) -> Iterator[subprocess.Popen[str]]:
    """`make demo` in a group of processes of its own, with the stand-in up and running."""
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").symlink_to(sys.executable)
    (checkout / ".venv/runtime").touch()
    with subprocess.Popen(
        [MAKE, "demo"],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "PORT": "8123"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            assert running.stdout
            assert running.stdout.readline() == "demo on 8123\n"
            yield running
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """make with nothing of this process's environment but what is given."""
    return subprocess.run(
        [MAKE, *arguments], cwd=folder, env=environment, capture_output=True, check=False, text=True
    )


def test_help_lists_every_target_that_explains_itself() -> None:
    explained = re.findall(r"^([a-z-]+):.*## \S", (ROOT / "Makefile").read_text(), re.MULTILINE)
    listed = make(ROOT, "help", PATH=os.environ["PATH"]).stdout
    assert re.findall(r"^make ([a-z-]+) ", listed, re.MULTILINE) == explained
    assert {"demo", "test", "test-services", "lint", "bench", "serve", "worker"} <= set(explained)


def test_without_a_python_that_is_new_enough_it_says_so(checkout: Path) -> None:
    old = checkout / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    result = make(checkout, "demo", PATH=str(checkout))
    assert result.returncode == 2
    assert "needs Python 3.11 or newer" in result.stderr


def test_the_suite_on_services_asks_for_their_addresses(checkout: Path) -> None:
    without_redis = make(
        checkout, "test-services", PATH=os.environ["PATH"], DATABASE_URL="postgres:///passflow"
    )
    assert without_redis.returncode == 2
    assert "REDIS_URL" in without_redis.stderr
    assert "DATABASE_URL" in make(checkout, "test-services", PATH=os.environ["PATH"]).stderr


def test_the_demo_ends_when_make_is_terminated(demo: subprocess.Popen[str]) -> None:
    demo.send_signal(signal.SIGTERM)
    assert demo.communicate(timeout=10)[0] == "ended\n"


def test_the_demo_ends_on_ctrl_c(demo: subprocess.Popen[str]) -> None:
    os.killpg(demo.pid, signal.SIGINT)
    assert demo.communicate(timeout=10)[0] == "ended\n"


def test_the_demo_ends_when_its_group_is_terminated(demo: subprocess.Popen[str]) -> None:
    os.killpg(demo.pid, signal.SIGTERM)
    assert demo.communicate(timeout=10)[0] == "ended\n"


# Stands for a worker: says for which queue, or what else it is, and ends when it is told to, or when its name
# is called.
CELERY = """
import os, pathlib, signal, sys, time
# Not by print: the signal may come while one is under way.
signal.signal(signal.SIGTERM, lambda *_: os._exit(os.write(1, b"ended\\n") - 6))
queue = sys.argv[sys.argv.index("--queues") + 1] if "--queues" in sys.argv else sys.argv[-1]
print(queue, flush=True)
while not pathlib.Path("end-" + queue).exists():
    time.sleep(0.05)
"""


@pytest.fixture
def workers(checkout: Path) -> Iterator[subprocess.Popen[str]]:
    """`make worker` with something in the place of all that it runs."""
    programs = checkout / ".venv/bin"
    programs.mkdir(parents=True)
    for name in ("celery", "python"):
        (programs / name).write_text(f"#!{sys.executable}\n{CELERY}")
        (programs / name).chmod(0o755)
    (checkout / ".venv/runtime").touch()
    with subprocess.Popen(
        [MAKE, "worker"],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "REDIS_URL": "redis://127.0.0.1:1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            assert running.stdout
            said = sorted(running.stdout.readline() for _ in range(4))
            assert said == ["celery\n", "stand_in\n", "webhooks\n", "webhooks\n"]
            yield running
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)


def test_the_workers_end_when_make_is_terminated(workers: subprocess.Popen[str]) -> None:
    workers.send_signal(signal.SIGTERM)
    assert workers.communicate(timeout=10)[0].count("ended\n") == 4


@pytest.mark.parametrize("queue", ["celery", "webhooks", "stand_in"])
def test_when_one_worker_ends_so_do_the_others(
    workers: subprocess.Popen[str], checkout: Path, queue: str
) -> None:
    (checkout / f"end-{queue}").touch()
    # Both for webhooks answer to that name.
    assert workers.communicate(timeout=10)[0].count("ended\n") == (2 if queue == "webhooks" else 3)

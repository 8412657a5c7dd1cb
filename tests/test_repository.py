"""What is committed can be installed anywhere, tells nothing of where it was made, and explains itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = [ROOT / "requirements/runtime.txt", ROOT / "requirements/dev.txt"]

# Written so that this file does not match itself.
FOREIGN = re.compile(
    r"py[p]i\.(org|python)|python[h]osted\.|registry\.npm[j]s|\bdeb\.debi[a]n\.org"  # registries
    r"|(?<![\w.])/(w[o]rk|ro[o]t|f[a]rm)/"  # somebody's machine
)
INDEX_ADDRESS = re.compile(
    r"://|--(index-url|extra-index-url|find-links|trusted-host)|^\s*-[if]\s|@ file:", re.MULTILINE
)
PIN = re.compile(r"^([a-z0-9][a-z0-9-]*)==(\S+)((?:.*\\\n +--hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def pins(lock: Path) -> dict[str, str]:
    """Each package of a lock with its exact version, if the lock has at least one hash of it."""
    return {name: version for name, version, _ in PIN.findall(lock.read_text())}


def named(requirement: str) -> str:
    """The name of a package in a requirement such as `celery[redis]>=5.5`, as a lock spells it."""
    return re.split(r"[\[<>=~! ]", requirement)[0].lower().replace("_", "-")


def committed() -> list[Path]:
    """Every file that is in the repository, or would be with the next commit."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607 - the git of the path
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


@pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(), reason="only git knows what is committed"
)
def test_no_file_names_a_registry_or_a_machine() -> None:
    foreign = [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path in committed()
        if (found := FOREIGN.search(path.read_text(errors="replace")))
    ]
    assert foreign == []


@pytest.mark.parametrize(
    "text",
    [
        "https://py" + "pi.org/simple",
        "https://files.python" + "hosted.org/x",
        "cd /wo" + "rk/main",
        "/ro" + "ot/.cache",
    ],
)
def test_a_registry_or_a_machine_would_be_seen(text: str) -> None:
    assert FOREIGN.search(text)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_has_no_index_address(lock: Path) -> None:
    assert not INDEX_ADDRESS.search(lock.read_text())
    assert INDEX_ADDRESS.search("--index-url https://index.example/simple\n")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_everything_by_hash(lock: Path) -> None:
    requirements = re.findall(r"^[a-z0-9].*$", lock.read_text(), re.MULTILINE)
    assert len(requirements) == len(pins(lock)) > 0


def test_the_development_lock_holds_the_runtime_lock() -> None:
    runtime, dev = (pins(lock) for lock in LOCKS)
    assert runtime.items() <= dev.items()


def test_the_locks_hold_what_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime, dev = (pins(lock) for lock in LOCKS)
    assert {named(requirement) for requirement in project["project"]["dependencies"]} <= runtime.keys()
    assert {named(requirement) for requirement in project["dependency-groups"]["dev"]} <= dev.keys()

"""Secrets that a machine makes for itself: once, for all its processes, for nobody else's eyes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from passflow.local_secrets import local_secret
from tests.passflow.processes import Installation


def test_it_is_made_once_and_kept(tmp_path: Path) -> None:
    numbers = count()
    path = tmp_path / "var" / "secret"
    assert [local_secret(path, mint=lambda: f"secret {next(numbers)}") for _ in range(3)] == ["secret 0"] * 3


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    local_secret(tmp_path / "secret", mint=lambda: "secret")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_line_end_of_an_editor_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("by hand\n")
    assert local_secret(tmp_path / "secret", mint=lambda: "minted") == "by hand"


def test_all_who_ask_at_the_same_moment_get_the_same(tmp_path: Path) -> None:
    everybody, numbers = threading.Barrier(4), count()

    def mint() -> str:
        # Nobody writes before everybody has found the file missing; all have one process id.
        everybody.wait(timeout=10)
        return f"secret {next(numbers)}"

    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(local_secret, tmp_path / "secret", mint=mint) for _ in range(4)]
        assert len({each.result() for each in asked}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_processes_that_start_at_the_same_moment_agree(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "var")
    with ThreadPoolExecutor(3) as starters:
        shown = list(starters.map(lambda _: installation.show("SECRET_KEY", "FIELD_KEYS"), range(3)))
    assert shown[0] == shown[1] == shown[2]
    assert {path.name for path in installation.var.iterdir() if path.is_file()} == {"field_key", "secret_key"}


def test_what_cannot_be_minted_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> str:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        local_secret(tmp_path / "secret", mint=fail)
    assert list(tmp_path.iterdir()) == []

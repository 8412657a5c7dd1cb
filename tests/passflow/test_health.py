"""What orchestrators ask: `/livez` whether the process answers, `/readyz` whether it can serve."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connections
from django.db.utils import ConnectionHandler
from django.test import Client
from pytest_django import Settings

POSTGRESQL = {"ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "NAME": "passflow"}
SQLITE = {"ENGINE": "django.db.backends.sqlite3"}


@contextmanager
def database(**columns: Any) -> Iterator[None]:
    """Another database in place of the test's own."""
    own, other = connections["default"], ConnectionHandler({"default": columns})["default"]
    connections["default"] = other
    try:
        yield
    finally:
        other.close()
        connections["default"] = own


@pytest.fixture
def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port at which somebody listens, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_process_that_answers_is_alive(client: Client) -> None:
    answer = client.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_with_all_it_needs_it_is_ready(client: Client, db: None) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_without_a_database_server_it_is_alive_and_not_ready(
    client: Client, db: None, closed_port: int
) -> None:
    with database(**POSTGRESQL, PORT=closed_port):
        answer = client.get("/readyz")
        assert client.get("/livez").status_code == 200
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "failing": ["database"]})


def test_without_a_database_file_it_is_not_ready(client: Client, db: None, tmp_path: Path) -> None:
    with database(**SQLITE, NAME=tmp_path / "gone" / "passflow.sqlite3"):
        assert client.get("/readyz").json()["failing"] == ["database"]


def test_before_the_migrations_it_is_not_ready(client: Client, db: None) -> None:
    with database(**SQLITE, NAME=":memory:"):
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["failing"]) == (503, ["database"])


def test_without_a_broker_it_is_not_ready(
    client: Client, db: None, settings: Settings, closed_port: int
) -> None:
    settings.EMBEDDED, settings.REDIS_URL = False, f"redis://127.0.0.1:{closed_port}/0"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["failing"]) == (503, ["broker"])


def test_a_broker_that_hangs_does_not_hang_the_answer(
    client: Client, db: None, settings: Settings, silent_port: int
) -> None:
    settings.EMBEDDED, settings.REDIS_URL = False, f"redis://127.0.0.1:{silent_port}/0"
    began = time.monotonic()
    assert client.get("/readyz").json()["failing"] == ["broker"]
    assert time.monotonic() - began < 5


def test_all_that_fails_is_named(client: Client, db: None, settings: Settings, closed_port: int) -> None:
    settings.EMBEDDED, settings.REDIS_URL = False, f"redis://127.0.0.1:{closed_port}/0"
    with database(**SQLITE, NAME=":memory:"):
        assert client.get("/readyz").json()["failing"] == ["database", "broker"]


@pytest.mark.skipif(not configured.REDIS_URL, reason="needs the broker of REDIS_URL")
def test_with_a_broker_it_is_ready(client: Client, db: None) -> None:
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_it_can_only_be_looked_at(client: Client, db: None, path: str) -> None:
    assert client.head(path).status_code == 200
    assert client.post(path).status_code == 405


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_probe_may_name_any_host(client: Client, db: None, path: str) -> None:
    assert client.get(path, headers={"host": "10.1.2.3:8000"}).status_code == 200

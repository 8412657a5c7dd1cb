"""The system checks: each dangerous setting by its id, and silence for what is fine."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.checks import ERROR
from django.db import connection
from pytest_django import Settings

from passflow.checks import check_settings
from redemption.apple.development_ca import DevelopmentCA
from tests.passflow.processes import Installation

on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite")


@pytest.fixture(autouse=True)
def production(settings: Settings) -> None:
    """A public installation in which nothing is wrong."""
    settings.BASE_URL = "https://passes.example"
    settings.TRUSTED_PROXIES = 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.RATE_LIMITS_ON = True
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    settings.LOCAL_SECRETS = []
    settings.REDIS_URL = ""


def found() -> list[str | None]:
    return [message.id for message in check_settings()]


def test_a_good_production_is_silent() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DEBUG", True, "passflow.E001"),
        ("BASE_URL", "http://passes.example", "passflow.W001"),
        ("BASE_URL", "http://192.168.1.5:8000", "passflow.W001"),
        ("BASE_URL", "passes.example", "passflow.W001"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "passflow.W002"),
        ("EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend", "passflow.W002"),
        ("RATE_LIMITS_ON", False, "passflow.W003"),
        ("TRUSTED_PROXIES", 0, "passflow.W006"),
        ("TRUSTED_PROXIES", -1, "passflow.E004"),
        ("APNS_CA", "/nowhere/apns.pem", "passflow.E005"),
    ],
)
def test_each_danger_is_named(settings: Settings, name: str, value: Any, expected: str) -> None:
    setattr(settings, name, value)
    assert found() == [expected]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://127.8.8.8", "http://localhost:8000", "http://[::1]:8000"]
)
def test_on_ones_own_machine_much_is_fine(settings: Settings, url: str) -> None:
    settings.BASE_URL = url
    settings.DEBUG = True
    settings.RATE_LIMITS_ON = False
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert found() == []


@pytest.mark.parametrize(
    "key", ["", "secret", "a" * 44, "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE", "ümläut" * 8]
)
def test_a_key_that_encrypts_nothing_is_named_by_its_number_alone(settings: Settings, key: str) -> None:
    settings.FIELD_KEYS = [*settings.FIELD_KEYS, key]
    (message,) = check_settings()
    assert (message.id, message.level) == ("passflow.E002", ERROR)
    assert "number 2 " in message.msg
    assert not key or key not in f"{message.msg} {message.hint}"


def test_secrets_of_one_machine_are_no_secrets_of_several(settings: Settings) -> None:
    settings.LOCAL_SECRETS = ["PASSFLOW_FIELD_KEYS"]
    assert found() == ([] if connection.vendor == "sqlite" else ["passflow.W004"])
    settings.REDIS_URL = "redis://broker.example"
    assert "passflow.W004" in found()


@on_sqlite
def test_a_broker_beside_sqlite_is_half_an_installation(settings: Settings) -> None:
    settings.REDIS_URL = "redis://broker.example"
    assert found() == ["passflow.W005"]


@on_sqlite
def test_an_old_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    assert found() == ["passflow.E003"]
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 35, 0))
    assert found() == []


def test_a_trust_anchor_that_can_be_read_is_fine(
    settings: Settings, ca: DevelopmentCA, tmp_path: Path
) -> None:
    anchor = tmp_path / "apns.pem"
    settings.APNS_CA = str(anchor)
    anchor.write_text("no certificate")
    assert found() == ["passflow.E005"]
    anchor.write_bytes(ca.root.pem)
    assert found() == []


def test_they_run_with_every_command(tmp_path: Path) -> None:
    services = {"DATABASE_URL": "postgres://db.example/passes", "REDIS_URL": "redis://broker.example"}
    ended = Installation(tmp_path, {**services, "PASSFLOW_FIELD_KEYS": "nonsense"}).manage("check")
    assert ended.returncode == 1
    assert "passflow.E002" in ended.stderr
    assert "passflow.W004" in ended.stderr
    assert "SECRET_KEY" in ended.stderr


def test_with_nothing_set_they_are_silent(tmp_path: Path) -> None:
    ended = Installation(tmp_path).manage("check", "--fail-level", "WARNING")
    assert ended.returncode == 0, ended.stderr

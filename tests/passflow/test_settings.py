"""What an operator sets in the environment, read by a process of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.passflow.processes import ROOT, Installation

FIRST, SECOND = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "var")


def with_settings(installation: Installation, **settings: str) -> Installation:
    return Installation(installation.var, settings)


def test_with_nothing_set_it_is_embedded_local_and_safe(installation: Installation) -> None:
    expected = {
        "DEBUG": False,
        "BASE_URL": "http://127.0.0.1:8000",
        "REDIS_URL": "",
        "EMBEDDED": True,
        "TRUSTED_PROXIES": 0,
        "RATE_LIMITS_ON": True,
        "VAR_DIR": str(installation.var),
        "WEBHOOK_ALLOWED_NETWORKS": [],
        "WEBHOOK_ALLOWED_PORTS": [],
        "APNS_URL": "https://api.push.apple.com",
        "APNS_CA": "",
        "GOOGLE_API_URL": "https://walletobjects.googleapis.com/walletobjects/v1",
        "GOOGLE_ROOT_KEYS_URL": "https://pay.google.com/gp/m/issuer/keys",
        "GOOGLE_SAVE_URL": "https://pay.google.com/gp/v/save/",
        "EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend",
        "LOCAL_SECRETS": ["SECRET_KEY", "PASSFLOW_FIELD_KEYS"],
        "SESSION_COOKIE_SECURE": False,
        "SECURE_PROXY_SSL_HEADER": None,
    }
    assert installation.show(*expected) == expected
    database = installation.show("DATABASES")["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.sqlite3"
    assert database["NAME"] == f"{installation.var}/passflow.sqlite3"


def test_what_is_set_is_taken(installation: Installation) -> None:
    configured = with_settings(
        installation,
        DATABASE_URL="postgres://clerk:p%40ss@db.example:5433/passes",
        REDIS_URL="redis://broker.example:6380/3",
        SECRET_KEY="a secret key",
        PASSFLOW_FIELD_KEYS=f"{FIRST},{SECOND}",
        PASSFLOW_BASE_URL="https://passes.example/",
        PASSFLOW_TRUSTED_PROXIES="2",
        PASSFLOW_DEBUG="on",
        PASSFLOW_APNS_URL="https://api.sandbox.push.apple.example/",
        PASSFLOW_APNS_CA="/etc/apns.pem",
        PASSFLOW_GOOGLE_API_URL="https://wallet.example/v1",
        PASSFLOW_GOOGLE_ROOT_KEYS_URL="https://keys.example",
        PASSFLOW_GOOGLE_SAVE_URL="https://save.example/",
        PASSFLOW_WEBHOOK_ALLOWED_NETWORKS="10.0.0.0/8,fd00::/8",
        PASSFLOW_WEBHOOK_ALLOWED_PORTS="80,9443",
        PASSFLOW_RATE_LIMITS="off",
    )
    expected = {
        "SECRET_KEY": "a secret key",
        "FIELD_KEYS": [FIRST, SECOND],
        "REDIS_URL": "redis://broker.example:6380/3",
        "CELERY_BROKER_URL": "redis://broker.example:6380/3",
        "EMBEDDED": False,
        "BASE_URL": "https://passes.example",
        "TRUSTED_PROXIES": 2,
        "DEBUG": True,
        "APNS_URL": "https://api.sandbox.push.apple.example",
        "APNS_CA": "/etc/apns.pem",
        "GOOGLE_API_URL": "https://wallet.example/v1",
        "GOOGLE_ROOT_KEYS_URL": "https://keys.example",
        "GOOGLE_SAVE_URL": "https://save.example/",
        "WEBHOOK_ALLOWED_NETWORKS": ["10.0.0.0/8", "fd00::/8"],
        "WEBHOOK_ALLOWED_PORTS": [80, 9443],
        "RATE_LIMITS_ON": False,
        "LOCAL_SECRETS": [],
    }
    assert configured.show(*expected) == expected
    database = configured.show("DATABASES")["DATABASES"]["default"]
    assert {name: database[name] for name in ("ENGINE", "USER", "PASSWORD", "HOST", "PORT", "NAME")} == {
        "ENGINE": "passflow.postgresql",
        "USER": "clerk",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": 5433,
        "NAME": "passes",
    }
    assert database["OPTIONS"]["connect_timeout"] == 5
    assert not {"secret_key", "field_key"} & {path.name for path in installation.var.iterdir()}


def test_a_public_origin_over_https_protects_its_cookies(installation: Installation) -> None:
    public = with_settings(
        installation, PASSFLOW_BASE_URL="https://passes.example", PASSFLOW_TRUSTED_PROXIES="1"
    )
    expected = {
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"],
        "CSRF_TRUSTED_ORIGINS": ["https://passes.example"],
        "DEFAULT_FROM_EMAIL": "PassFlow <no-reply@passes.example>",
    }
    assert public.show(*expected) == expected
    assert "passes.example" in public.show("ALLOWED_HOSTS")["ALLOWED_HOSTS"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "submission://clerk%40acme.example:p%2Fw@mail.example?_default_from_email=Acme%20%3Cp@acme.example%3E",
            {
                "EMAIL_HOST": "mail.example",
                "EMAIL_PORT": 587,
                "EMAIL_HOST_USER": "clerk@acme.example",
                "EMAIL_HOST_PASSWORD": "p/w",
                "EMAIL_USE_TLS": True,
                "EMAIL_USE_SSL": False,
                "DEFAULT_FROM_EMAIL": "Acme <p@acme.example>",
                "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            },
        ),
        (
            "smtp://127.0.0.1:2525",
            {
                "EMAIL_HOST": "127.0.0.1",
                "EMAIL_PORT": 2525,
                "EMAIL_HOST_USER": "",
                "EMAIL_USE_TLS": False,
                "DEFAULT_FROM_EMAIL": "PassFlow <no-reply@127.0.0.1>",
            },
        ),
        ("smtp://mail.example:465/?ssl=True", {"EMAIL_USE_SSL": True, "EMAIL_PORT": 465}),
        ("file:////var/mail", {"EMAIL_FILE_PATH": "/var/mail"}),
    ],
)
def test_mail_goes_where_its_address_says(
    installation: Installation, url: str, expected: dict[str, Any]
) -> None:
    assert with_settings(installation, EMAIL_URL=url).show(*expected) == expected


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("stmp://clerk:hush@mail.example", "EMAIL_URL must begin with one of console, dummy,"),
        ("mail.example", "EMAIL_URL must begin with one of console, dummy,"),
        ("smtp://clerk:hush@mail.example:port", "EMAIL_URL cannot be read; see that its port"),
    ],
)
def test_a_mail_server_that_cannot_be_read_is_refused_in_words(
    installation: Installation, url: str, reason: str
) -> None:
    ended = with_settings(installation, EMAIL_URL=url).manage("check")
    assert ended.returncode != 0
    assert reason in ended.stderr
    assert "hush" not in ended.stderr


def test_the_port_is_that_of_the_base_url(installation: Installation) -> None:
    assert with_settings(installation, PORT="8123").show("BASE_URL") == {"BASE_URL": "http://127.0.0.1:8123"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("PASSFLOW_DEBUG", "perhaps"), ("PASSFLOW_TRUSTED_PROXIES", "one"), ("PORT", "http")],
)
def test_a_setting_that_cannot_be_read_is_named(installation: Installation, name: str, value: str) -> None:
    ended = with_settings(installation, **{name: value}).manage("check")
    assert ended.returncode != 0
    assert name in ended.stderr


def test_every_setting_of_the_environment_is_in_one_file() -> None:
    reading = [
        str(path.relative_to(ROOT))
        for app in ("passflow", "credentials", "redemption", "webhooks")
        for path in sorted((ROOT / app).rglob("*.py"))
        if "os.environ" in path.read_text()
    ]
    assert sorted(reading) == [
        "passflow/celery.py",
        "passflow/management/commands/demo.py",
        "passflow/wsgi.py",
    ]


def test_what_is_logged_is_json_without_secrets(installation: Installation) -> None:
    ended = installation.run(
        "-c",
        "import django, logging; django.setup();"
        "logging.getLogger('django.request').error('Not Found: /passes/0123456789abcdef')",
    )
    (line,) = ended.stderr.splitlines()
    assert json.loads(line)["message"] == "Not Found: /passes/[redacted]"

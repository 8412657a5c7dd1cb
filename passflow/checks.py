"""System checks: settings with which PassFlow could not work, or would leave a door open in production."""

from __future__ import annotations

import sqlite3
import ssl
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name for it
from django.db import connection

from credentials.loopback import is_loopback

# The first that knows `UPDATE … RETURNING`, by which credentials/lifecycle.py moves a credential.
OLDEST_SQLITE = (3, 35)


def check_settings(app_configs: Sequence[AppConfig] | None = None, **options: object) -> list[CheckMessage]:
    """All that is wrong, and what is fine on one's own machine but not where others come by."""
    public = () if is_loopback(urlsplit(settings.BASE_URL).hostname or "") else _dangers_in_public()
    return [*public, *_bad_secrets(), *_bad_surroundings()]


def _dangers_in_public() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield Error("PASSFLOW_DEBUG is on: error pages show redemption URLs.", id="passflow.E001")
    if not settings.BASE_URL.startswith("https://"):
        yield Warning(
            "PASSFLOW_BASE_URL is not https: redemption URLs can be read on their way.",
            hint="Devices fetch updates of passes over https only.",
            id="passflow.W001",
        )
    elif not settings.TRUSTED_PROXIES:
        yield Warning(
            "PASSFLOW_TRUSTED_PROXIES is 0: behind a proxy that speaks https all visitors have one address.",
            hint="They share its limits too. Set it to the number of proxies that write X-Forwarded-For.",
            id="passflow.W006",
        )
    if settings.EMAIL_BACKEND != "django.core.mail.backends.smtp.EmailBackend":
        yield Warning("EMAIL_URL names no mail server: invitations reach nobody.", id="passflow.W002")
    if not settings.RATE_LIMITS_ON:
        yield Warning("PASSFLOW_RATE_LIMITS is off: everybody may guess all day.", id="passflow.W003")


def _bad_secrets() -> Iterator[CheckMessage]:
    for number, key in enumerate(settings.FIELD_KEYS, start=1):
        if not _is_fernet_key(key):
            yield Error(
                f"PASSFLOW_FIELD_KEYS: number {number} is no Fernet key, 32 bytes in base64url.",
                hint="cryptography.fernet.Fernet.generate_key() makes one.",
                id="passflow.E002",
            )
    if settings.LOCAL_SECRETS and (settings.REDIS_URL or connection.vendor == "postgresql"):
        yield Warning(
            f"Not set: {', '.join(settings.LOCAL_SECRETS)}. Each host makes its own, which no other knows.",
            hint=f"Give the same to every process; what this one made is in {settings.VAR_DIR}.",
            id="passflow.W004",
        )


def _bad_surroundings() -> Iterator[CheckMessage]:
    if connection.vendor == "sqlite":
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            yield Error(f"SQLite is {sqlite3.sqlite_version}; PassFlow needs 3.35.", id="passflow.E003")
        if settings.REDIS_URL:
            yield Warning(
                "REDIS_URL is set without DATABASE_URL: workers on other hosts see another database.",
                id="passflow.W005",
            )
    if settings.TRUSTED_PROXIES < 0:
        yield Error("PASSFLOW_TRUSTED_PROXIES is a count, and less than 0.", id="passflow.E004")
    if settings.APNS_CA and not _holds_certificates(settings.APNS_CA):
        yield Error(f"PASSFLOW_APNS_CA: {settings.APNS_CA} holds no certificate.", id="passflow.E005")


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def _holds_certificates(path: str) -> bool:
    try:
        ssl.create_default_context().load_verify_locations(path)
    except OSError:
        return False
    return True

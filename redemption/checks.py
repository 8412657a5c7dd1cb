"""System checks: settings with which Google could be impersonated, or could not report to us."""

from __future__ import annotations

from collections.abc import Sequence

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.db import DEFAULT_DB_ALIAS, DatabaseError

from credentials.loopback import is_protected

GOOGLES = ("GOOGLE_API_URL", "GOOGLE_ROOT_KEYS_URL", "GOOGLE_SAVE_URL")


def check_google_addresses(
    app_configs: Sequence[AppConfig] | None = None, **options: object
) -> list[checks.CheckMessage]:
    """Refuses to hear over plain http which passes are installed, except on one's own machine."""
    return [
        checks.Error(
            f"PASSFLOW_{name} is not https: anybody on the way can speak as Google.", id="redemption.E001"
        )
        for name in GOOGLES
        if not is_protected(getattr(settings, name))
    ]


def check_google_callbacks(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Sequence[str] | None = None,
    **options: object,
) -> list[checks.CheckMessage]:
    """Warns when an issuer is imported and Google cannot report to it; asks the database."""
    if DEFAULT_DB_ALIAS not in (databases or ()) or settings.BASE_URL.startswith("https://"):
        return []
    try:
        issuers = apps.get_model("redemption", "GoogleIssuer")._default_manager
        is_used = issuers.filter(private_key__isnull=False).exists()
    except DatabaseError:
        # Before the first migration there is no issuer.
        return []
    if not is_used:
        return []
    return [
        checks.Warning(
            "PASSFLOW_BASE_URL is not https: Google reports to https addresses only, and fetches no images "
            "from others.",
            hint="Cards are refused by Google, or never known to be installed.",
            id="redemption.W001",
        )
    ]

"""Django's entry for the app."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register

from redemption import checks


class RedemptionConfig(AppConfig):
    """From a bearer URL into a wallet."""

    name = "redemption"
    verbose_name = "Redemption"

    def ready(self) -> None:
        register(checks.check_google_addresses, Tags.security)
        register(checks.check_google_callbacks, Tags.database)

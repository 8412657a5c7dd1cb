"""Django's entry for the app."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register

from webhooks import checks


class WebhooksConfig(AppConfig):
    """Endpoints of integrators, and what is delivered to them."""

    name = "webhooks"
    verbose_name = "Webhooks"

    def ready(self) -> None:
        register(checks.check_allowed_networks, Tags.security)
        register(checks.check_retention, Tags.security)

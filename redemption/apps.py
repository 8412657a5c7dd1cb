"""Django's entry for the app."""

from __future__ import annotations

from django.apps import AppConfig


class RedemptionConfig(AppConfig):
    """From a bearer URL into a wallet."""

    name = "redemption"
    verbose_name = "Redemption"

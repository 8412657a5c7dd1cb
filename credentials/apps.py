"""Django's entry for the app."""

from __future__ import annotations

from django.apps import AppConfig


class CredentialsConfig(AppConfig):
    """People, credential types and credentials."""

    name = "credentials"
    verbose_name = "Credentials"

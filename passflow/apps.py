"""Django's entry for the project itself."""

from __future__ import annotations

import logging

from django.apps import AppConfig
from django.core.checks import Tags, register

from passflow import checks
from passflow.logging import RedactedRecord


class PassflowConfig(AppConfig):
    """What wires the apps together, and knows how they run."""

    name = "passflow"
    verbose_name = "PassFlow"

    def ready(self) -> None:
        logging.setLogRecordFactory(RedactedRecord)
        register(checks.check_settings, Tags.security)

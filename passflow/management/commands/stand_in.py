"""`manage.py stand_in`: the background work while the broker is away."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from passflow.stand_in import stand_in


class Command(BaseCommand):
    """Works in place of the workers, until it is stopped."""

    help = "Does the background work while Redis does not answer; `make worker` runs it beside the workers."

    def handle(self, **options: Any) -> None:
        if settings.EMBEDDED:
            raise CommandError("Without REDIS_URL the web process does this work itself.")
        with suppress(KeyboardInterrupt):
            stand_in()

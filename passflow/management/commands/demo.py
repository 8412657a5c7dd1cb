"""`manage.py demo`: everything that a first look needs, on this machine, with nothing else installed."""

from __future__ import annotations

import multiprocessing
import os
import socket
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from passflow import demo

HOST = "127.0.0.1"


class Command(BaseCommand):
    """Prepares the sample data, says where everything is, and serves until it is told to stop."""

    help = "Try PassFlow: sample data, web and worker in one go, no services needed."
    requires_migrations_checks = False

    def handle(self, **options: Any) -> None:
        port = int(os.environ.get("PORT", "8000"))
        _check_free(port)
        call_command("migrate", verbosity=0)
        self._tell(demo.prepare(demo.Places.below(settings.VAR_DIR)))
        self._serve(port)

    def _tell(self, facts: dict[str, Any]) -> None:
        rows = [
            ("Redemption URL", facts["redemption_url"]),
            (
                "Admin",
                f"{facts['admin']['url']}  ({facts['admin']['username']} / {facts['admin']['password']})",
            ),
            ("API", f"{facts['base_url']}/api/v3/docs"),
            ("API key", facts["api_key"]),
            ("All of it", str(settings.VAR_DIR / "demo.json")),
        ]
        self.stdout.write(self.style.SUCCESS("PassFlow is ready.\n"))
        for label, text in rows:
            self.stdout.write(f"  {label:<15} {text}")
        self.stdout.write("\nCtrl-C ends it; the data stays in var/.\n")
        self.stdout.flush()

    def _serve(self, port: int) -> None:
        # A worker that is spawned, not forked, reads its settings anew, and shares no connection.
        multiprocessing.set_start_method("spawn", force=True)
        os.environ.pop("REDIS_URL", None)
        os.environ["PASSFLOW_BASE_URL"] = settings.BASE_URL
        os.environ.setdefault("PASSFLOW_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")
        Granian(
            "passflow.wsgi:application",
            address=HOST,
            port=port,
            interface=Interfaces.WSGI,
            blocking_threads=4,
            websockets=False,
            log_level=LogLevels.warning,
            working_dir=settings.BASE_DIR,
        ).serve()


def _check_free(port: int) -> None:
    """Says so before anything is written, rather than from somewhere inside the server."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CommandError(f"PORT: {HOST}:{port} cannot be used: {error.strerror}") from error
    if urlsplit(settings.BASE_URL).port not in (port, None):
        raise CommandError(f"PASSFLOW_BASE_URL names another port than PORT, which is {port}")

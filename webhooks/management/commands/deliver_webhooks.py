"""`manage.py deliver_webhooks`: the dispatcher by itself, without a broker."""

from __future__ import annotations

from argparse import ArgumentParser
from time import sleep as pause

from django.core.management.base import BaseCommand

from webhooks import dispatch

PAUSE_SECONDS = 1.0


class Command(BaseCommand):
    """Delivers webhooks in the foreground."""

    help = "Delivers due webhooks until it is stopped, or with --once until nothing is due."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="deliver what is due now, then end")

    def handle(self, *args: str, once: bool, **options: object) -> None:
        while True:
            outcomes = dispatch.deliver_due()
            if outcomes or once:
                told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
                self.stdout.write(f"attempts: {outcomes.total()}" + (f" ({told})" if told else ""))
            if once:
                return
            pause(PAUSE_SECONDS)

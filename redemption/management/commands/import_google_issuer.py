"""`manage.py import_google_issuer`: a Google Wallet issuer and its key, checked and stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from credentials.errors import Invalid, Unavailable
from redemption.google.issuers import check_issuer, import_issuer
from redemption.management.options import account_of, file_of


class Command(BaseCommand):
    """Imports an issuer for an account; refuses with the reason, and then stores nothing."""

    help = "Import a Google Wallet issuer with the key of its service account."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True, metavar="SLUG")
        parser.add_argument(
            "--issuer-id", required=True, metavar="N", help="as the Google Pay & Wallet Console shows it"
        )
        parser.add_argument(
            "--service-account",
            type=Path,
            required=True,
            metavar="FILE",
            help="the JSON key of a service account",
        )
        parser.add_argument(
            "--check", action="store_true", help="then ask Google whether it may act for the issuer"
        )

    def handle(self, **options: Any) -> None:
        try:
            issuer = import_issuer(
                account_of(options),
                issuer_id=options["issuer_id"],
                service_account=file_of(options, "service_account") or b"",
                actor="command",
            )
        except Invalid as refusal:
            raise CommandError(f"--{refusal.field.replace('_', '-')}: {refusal.sentence}") from refusal
        self.stdout.write(f"{issuer.service_account_email} acts for issuer {issuer.issuer_id}.")
        if options["check"]:
            try:
                check_issuer(issuer, actor="command")
            except Unavailable as refusal:
                raise CommandError(f"It is imported, but does not work yet. {refusal.sentence}") from refusal
            self.stdout.write("Google confirms it.")

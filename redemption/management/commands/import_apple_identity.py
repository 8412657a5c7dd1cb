"""`manage.py import_apple_identity`: a pass type certificate and its key, checked and stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from credentials.errors import Invalid
from redemption.apple.identities import import_identity
from redemption.management.options import account_of, file_of


class Command(BaseCommand):
    """Imports a certificate for an account; refuses with the reason, and then stores nothing."""

    help = "Import an Apple pass type certificate with its private key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True, metavar="SLUG")
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            "--p12", type=Path, metavar="FILE", help="a PKCS #12 file, as Keychain exports it"
        )
        source.add_argument("--certificate", type=Path, metavar="PEM")
        parser.add_argument("--password-file", type=Path, metavar="FILE", help="holds the password of --p12")
        parser.add_argument("--key", type=Path, metavar="PEM", help="the private key of --certificate")
        parser.add_argument(
            "--wwdr", type=Path, metavar="PEM", help="the intermediate that issued the certificate"
        )

    def handle(self, **options: Any) -> None:
        account = account_of(options)
        password = file_of(options, "password_file")
        try:
            identity = import_identity(
                account,
                actor="command",
                p12=file_of(options, "p12"),
                password=(password or b"").decode(errors="replace").rstrip("\r\n"),
                certificate=file_of(options, "certificate"),
                key=file_of(options, "key"),
                wwdr=file_of(options, "wwdr"),
            )
        except Invalid as refusal:
            option = "password-file" if refusal.field == "password" else refusal.field
            raise CommandError(f"--{option}: {refusal.sentence}") from refusal
        self.stdout.write(
            f"{identity.pass_type} of team {identity.pass_type.team_identifier} can sign until "
            f"{identity.not_after:%Y-%m-%d}."
        )

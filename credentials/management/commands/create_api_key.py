"""Makes an API key and prints it, once."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from credentials.apikeys import create_api_key
from credentials.errors import Invalid
from credentials.models import Account
from credentials.models.accounts import known_scopes


class Command(BaseCommand):
    """`manage.py create_api_key --account SLUG [--name N] [--scopes a,b]`."""

    help = "Makes an API key for an account. The key alone goes to standard output; it is not shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options of the contract."""
        parser.add_argument("--account", required=True, metavar="SLUG", help="the account the key acts for")
        parser.add_argument("--name", default="", metavar="N", help="what the key is for, as lists show it")
        parser.add_argument(
            "--scopes", metavar="A,B", help="what it may do, comma-separated; default: everything"
        )

    def handle(self, *, account: str, name: str, scopes: str | None, **_: object) -> None:
        """Prints the key, and on standard error what it may do."""
        owner = Account.objects.filter(slug=account).first()
        if owner is None:
            raise CommandError(f"--account: there is no account “{account}”.")
        wanted = known_scopes() if scopes is None else [scope.strip() for scope in scopes.split(",")]
        try:
            api_key, text = create_api_key(owner, name=name, scopes=wanted, actor="system")
        except Invalid as refusal:
            raise CommandError(f"--{refusal.field}: {refusal.sentence}") from None
        self.stdout.write(text)
        self.stderr.write(
            f"{api_key} acts for {owner} with {', '.join(api_key.scopes)}. Keep it: it is not shown again."
        )

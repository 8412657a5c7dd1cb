"""Options that commands share: an account by its slug, and files."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from credentials.models import Account


def account_of(options: dict[str, Any]) -> Account:
    """The account that `--account` names."""
    account = Account.objects.filter(slug=options["account"]).first()
    if account is None:
        raise CommandError(f"--account: there is no account {options['account']!r}")
    return account


def file_of(options: dict[str, Any], name: str) -> bytes | None:
    """What is in the file that an option names, if it is given."""
    path = options[name]
    if path is None:
        return None
    try:
        content: bytes = path.read_bytes()
    except OSError as error:
        raise CommandError(f"--{name.replace('_', '-')}: {error.strerror}: {path}") from error
    return content

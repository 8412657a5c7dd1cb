"""`manage.py create_api_key` prints the key alone, once, and names the option it cannot accept."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from credentials import tokens
from credentials.models import Account, ApiKey, Event
from credentials.models.accounts import known_scopes


def test_the_key_alone_is_printed(acme: Account, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_api_key", "--account", "acme", "--name", "Turnstile")
    printed = capsys.readouterr()
    key = printed.out.removesuffix("\n")
    assert tokens.is_api_key(key)
    assert key not in printed.err
    assert "Turnstile" in printed.err
    api_key = ApiKey.objects.get(digest=tokens.digest(key))
    assert (api_key.account, api_key.name, api_key.scopes) == (acme, "Turnstile", known_scopes())
    assert Event.objects.get().actor == "system"


def test_scopes_narrow_it(acme: Account) -> None:
    call_command(
        "create_api_key", "--account", "acme", "--scopes", "account.person.readonly, account.webhook"
    )
    assert ApiKey.objects.get().scopes == ["account.person.readonly", "account.webhook"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--account", "globex"], "--account"),
        (["--account", "acme", "--scopes", "account.person,everything"], "--scopes"),
        (["--account", "acme", "--scopes", ""], "--scopes"),
        (["--account", "acme", "--name", "x" * 101], "--name"),
        ([], "--account"),
    ],
)
def test_a_wrong_option_is_named_and_makes_nothing(
    acme: Account, options: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match=named):
        call_command("create_api_key", *options)
    assert capsys.readouterr().out == ""
    assert not ApiKey.objects.exists()

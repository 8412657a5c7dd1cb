"""`manage.py import_google_issuer` says whom it took, or names the option at fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from credentials.models import Account, Event
from redemption.models import GoogleIssuer
from tests.fakes.google import FakeGoogle
from tests.fakes.google_accounts import ServiceAccount

ISSUER_ID = "3388000000022000001"


@pytest.fixture
def key_file(tmp_path: Path, service_account: ServiceAccount) -> str:
    """The file that Google's console downloads."""
    path = tmp_path / "acme-wallet-0123456789ab.json"
    path.write_bytes(service_account.file())
    return str(path)


def run(key_file: str, *options: str, account: str = "acme", issuer_id: str = ISSUER_ID) -> None:
    given = ("--account", account, "--issuer-id", issuer_id, "--service-account", key_file)
    call_command("import_google_issuer", *given, *options)


def test_an_issuer_is_taken_without_a_word_to_google(
    acme: Account,
    key_file: str,
    service_account: ServiceAccount,
    google: FakeGoogle,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(key_file)
    issuer = GoogleIssuer.objects.get()
    assert (issuer.account, issuer.issuer_id) == (acme, ISSUER_ID)
    assert capsys.readouterr().out == f"{service_account.email} acts for issuer {ISSUER_ID}.\n"
    assert Event.objects.get().actor == "command"
    assert google.requests == []


def test_google_is_asked_on_request(
    acme: Account, key_file: str, google: FakeGoogle, capsys: pytest.CaptureFixture[str]
) -> None:
    run(key_file, "--check")
    assert capsys.readouterr().out.endswith("Google confirms it.\n")
    assert len(google.asked("rest")) == 1


def test_what_google_misses_is_told_and_the_issuer_kept(
    acme: Account, key_file: str, google: FakeGoogle
) -> None:
    google.resources.invited.clear()
    with pytest.raises(CommandError, match=r"imported, but does not work yet. .* Invite this address"):
        run(key_file, "--check")
    assert GoogleIssuer.objects.get().refused_at is not None


def test_an_account_must_exist(acme: Account, key_file: str) -> None:
    with pytest.raises(CommandError, match="--account: there is no account 'nobody'"):
        run(key_file, account="nobody")


def test_a_file_must_be_there(acme: Account, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--service-account: No such file or directory: "):
        run(str(tmp_path / "missing.json"))


def test_the_option_at_fault_is_named(acme: Account, key_file: str, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_bytes(b"{}")
    with pytest.raises(CommandError, match="--service-account: This is not the key of a service account"):
        run(str(other))
    with pytest.raises(CommandError, match="--issuer-id: An issuer id has digits only"):
        run(key_file, issuer_id="acme")
    assert not GoogleIssuer.objects.exists()
    assert not Event.objects.exists()

"""`manage.py import_apple_identity` says what it took and until when, or names the option at fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from credentials.models import Account, Event
from redemption.apple.development_ca import DevelopmentCA, IssuedCertificate
from redemption.models import AppleIdentity, ApplePassType
from tests.fakes import pki

File = Callable[[str, bytes], str]


@pytest.fixture
def file(tmp_path: Path) -> File:
    """Writes a file, and returns its path as an option holds it."""

    def write(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name)

    return write


@pytest.fixture
def pem(file: File, ca: DevelopmentCA, issued: IssuedCertificate) -> list[str]:
    """The options that import the good certificate."""
    certificate, key = file("certificate.pem", issued.certificate_pem), file("key.pem", issued.key_pem)
    wwdr = file("wwdr.pem", ca.wwdr.pem)
    return ["--account", "acme", "--certificate", certificate, "--key", key, "--wwdr", wwdr]


def run(*options: str) -> None:
    call_command("import_apple_identity", *options)


def test_pem_files_are_taken(acme: Account, pem: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(*pem)
    identity = AppleIdentity.objects.get()
    assert identity.pass_type.account == acme
    assert capsys.readouterr().out == f"{pki.PASS_TYPE} of team {pki.TEAM} can sign until 2049-12-31.\n"
    assert Event.objects.get().actor == "command"


@pytest.mark.parametrize("line_end", [b"", b"\n", b"\r\n"])
def test_a_pkcs12_file_is_opened_with_the_password_of_a_file(
    acme: Account, file: File, ca: DevelopmentCA, issued: IssuedCertificate, line_end: bytes
) -> None:
    p12 = file("identity.p12", pki.p12(issued, password=" pass wörd ", enclosed=[ca.wwdr.certificate]))
    password = file("password", " pass wörd ".encode() + line_end)
    run("--account", "acme", "--p12", p12, "--password-file", password)
    assert AppleIdentity.objects.get().fingerprint


@pytest.mark.parametrize("password", [b"", b"wrong"])
def test_a_wrong_password_is_named_by_its_option(
    acme: Account, file: File, issued: IssuedCertificate, password: bytes
) -> None:
    p12 = file("identity.p12", pki.p12(issued, password="right"))
    with pytest.raises(CommandError, match=r"^--password-file: "):
        run("--account", "acme", "--p12", p12, "--password-file", file("password", password))


@pytest.mark.parametrize(
    ("option", "content", "expected"),
    [
        ("--certificate", b"nonsense", "--certificate: "),
        ("--key", b"nonsense", "--key: "),
        ("--wwdr", b"nonsense", "--wwdr: "),
    ],
)
def test_a_file_that_is_refused_is_named_with_the_reason(
    acme: Account, pem: list[str], file: File, option: str, content: bytes, expected: str
) -> None:
    pem[pem.index(option) + 1] = file("bad.pem", content)
    with pytest.raises(CommandError, match=f"^{expected}.+"):
        run(*pem)
    assert not ApplePassType.objects.exists()


@pytest.mark.parametrize("option", ["--certificate", "--key", "--wwdr"])
def test_a_file_that_is_not_there_is_named(
    acme: Account, pem: list[str], option: str, tmp_path: Path
) -> None:
    pem[pem.index(option) + 1] = str(tmp_path / "nowhere.pem")
    with pytest.raises(CommandError, match=f"^{option}: No such file or directory: .*nowhere.pem"):
        run(*pem)


def test_a_certificate_needs_its_key(acme: Account, pem: list[str]) -> None:
    place = pem.index("--key")
    with pytest.raises(CommandError, match=r"^--key: "):
        run(*pem[:place], *pem[place + 2 :])


def test_an_unknown_account_is_named(acme: Account, pem: list[str]) -> None:
    with pytest.raises(CommandError, match="--account: there is no account 'nobody'"):
        run("--account", "nobody", *pem[2:])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--account", "acme"], "--p12 --certificate"),
        (["--account", "acme", "--p12", "a", "--certificate", "b"], "not allowed with"),
        (["--p12", "a"], "--account"),
    ],
)
def test_the_options_that_are_needed_are_named(acme: Account, options: list[str], named: str) -> None:
    with pytest.raises(CommandError, match=named):
        run(*options)


def test_the_key_is_not_printed(
    acme: Account, pem: list[str], issued: IssuedCertificate, capsys: pytest.CaptureFixture[str]
) -> None:
    run(*pem)
    printed = capsys.readouterr()
    assert "PRIVATE" not in printed.out + printed.err

"""The house keeps its rules; and each rule is shown something that it must refuse."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from tests import architecture
from tests.architecture import APPS, Rule, Source

ROOT = Path(__file__).resolve().parent.parent


def files(*patterns: str) -> list[Source]:
    """The files of the project that match, without what Python leaves behind."""
    paths = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    return [Source(PurePosixPath(path.relative_to(ROOT)), path.read_text()) for path in paths]


CODE = files(*(f"{app}/**/*.py" for app in APPS))
TESTS = files("tests/**/*.py")
TEMPLATES = files("templates/**/*.html", *(f"{app}/templates/**/*.html" for app in APPS))
# A mail has no policy to keep, and nowhere to load a style from.
PAGES = [source for source in TEMPLATES if source.path.parts[:2] != ("templates", "mail")]


def broken(rule: Rule, sources: list[Source]) -> list[str]:
    """What breaks `rule`, as `path:line says what`."""
    return [f"{source.path}:{line} {what}" for source in sources for line, what in rule(source)]


def refuses(rule: Rule, text: str, *, path: str = "credentials/issuing.py") -> bool:
    """Whether `rule` would refuse a file with this text."""
    return bool(broken(rule, [Source(PurePosixPath(path), text)]))


@pytest.mark.parametrize(
    "code",
    [
        "credential.state = State.REVOKED",
        "credential.state, changed = State.REVOKED, True",
        "for credential.state in State: pass",
        "setattr(credential, 'state', State.REVOKED)",
        "for name in fields: setattr(credential, name, fields[name])",
        "Credential.objects.filter(pk=1).update(state=State.REVOKED)",
        "Credential.objects.filter(pk=1).update(**{'state': State.REVOKED})",
        "Credential.objects.bulk_update(credentials, ['state'])",
        "Credential.objects.update_or_create(pk=1, defaults={'state': State.REVOKED})",
        "WalletPass(state=PassState.INSTALLED)",
        "credential.wallet_passes.create(state=PassState.INSTALLED)",
        "credential.save(update_fields=['state'])",
        "cursor.execute('UPDATE credentials_credential SET state = %s', [state])",
    ],
)
def test_a_write_of_state_is_seen(code: str) -> None:
    assert refuses(architecture.state_writes, code)
    assert not refuses(architecture.state_writes, code, path="credentials/lifecycle.py")


def test_only_the_lifecycle_writes_a_state() -> None:
    assert broken(architecture.state_writes, CODE) == []
    assert not refuses(architecture.state_writes, "live = rows.filter(state__in=LIVE).update(devices=0)")
    assert not refuses(architecture.state_writes, "if credential.state == State.REVOKED: pass")
    assert not refuses(architecture.state_writes, "setattr(person, name, value)")


def test_nothing_listens_to_signals() -> None:
    assert broken(architecture.signals, CODE) == []
    assert refuses(architecture.signals, "from django.db.models.signals import post_save")
    assert refuses(architecture.signals, "from django.dispatch import receiver")
    assert refuses(architecture.signals, "from django.core import signals")


def test_no_import_hides_in_a_function() -> None:
    assert broken(architecture.hidden_imports, CODE + TESTS) == []
    assert refuses(architecture.hidden_imports, "def issue():\n    from redemption import access")


def test_names_say_what_they_name() -> None:
    assert broken(architecture.vague_names, CODE + TESTS) == []
    assert refuses(architecture.vague_names, "", path="credentials/utils.py")
    assert refuses(architecture.vague_names, "", path="credentials/common/dates.py")
    assert refuses(architecture.vague_names, "def do_revoke(): pass")
    assert refuses(architecture.vague_names, "async def _process_event(): pass")
    assert refuses(architecture.vague_names, "class CredentialService: pass")
    assert not refuses(architecture.vague_names, "class Command(BaseCommand):\n    def handle(self): pass")


def test_files_stay_within_one_subject() -> None:
    assert broken(architecture.long_files, CODE + TESTS) == []
    assert refuses(architecture.long_files, "\n" * 301)
    assert refuses(architecture.long_files, "\n" * 401, path="tests/test_issuing.py")
    assert not refuses(architecture.long_files, "\n" * 300)


def test_functions_stay_within_a_screen() -> None:
    assert broken(architecture.long_functions, CODE + TESTS) == []
    assert refuses(architecture.long_functions, "def issue():\n" + "    pass\n" * 60)
    assert not refuses(architecture.long_functions, "def issue():\n" + "    pass\n" * 59)


def test_views_parse_call_one_verb_and_answer() -> None:
    assert broken(architecture.long_views, CODE) == []
    view = 'def status(request, token):\n    """Shows it."""\n'
    for path in ("redemption/pages.py", "redemption/apple/web_service.py", "credentials/api/people.py"):
        assert refuses(architecture.long_views, view + "    pass\n" * 16, path=path)
        assert not refuses(architecture.long_views, view + "    pass\n" * 15, path=path)


def test_every_module_and_verb_says_what_it_is_for() -> None:
    assert broken(architecture.missing_docstrings, CODE) == []
    assert refuses(architecture.missing_docstrings, "answer = 42")
    assert refuses(architecture.missing_docstrings, '"""Issuing."""\n\ndef issue(): pass')
    assert not refuses(architecture.missing_docstrings, '"""Issuing."""\n\ndef _link(): pass')


def test_every_exception_from_the_style_has_its_reason() -> None:
    assert broken(architecture.unexplained_exceptions, CODE + TESTS) == []
    assert refuses(architecture.unexplained_exceptions, "import this  # noqa: F401")
    assert refuses(architecture.unexplained_exceptions, "return None  # pragma: no cover")
    assert not refuses(architecture.unexplained_exceptions, "import this  # noqa: F401 - it greets")


def test_migrations_say_what_they_change() -> None:
    assert broken(architecture.unnamed_migrations, CODE) == []
    assert refuses(
        architecture.unnamed_migrations, "", path="credentials/migrations/0002_auto_20260101_1200.py"
    )
    assert refuses(architecture.unnamed_migrations, "", path="credentials/migrations/revoked_at.py")
    assert not refuses(architecture.unnamed_migrations, "", path="credentials/migrations/0002_revoked_at.py")


def test_pages_hold_no_script_and_no_style() -> None:
    assert PAGES
    assert broken(architecture.inline_code, PAGES) == []
    assert refuses(architecture.inline_code, "<script>alert(1)</script>")
    assert refuses(architecture.inline_code, "<style>p { color: red }</style>")
    assert refuses(architecture.inline_code, '<p style="color: red">')
    assert refuses(architecture.inline_code, '<body {% if x %}onload="start()"{% endif %}>')
    assert refuses(architecture.inline_code, '<a href=" JavaScript:start()">')
    assert not refuses(architecture.inline_code, '<script src="{% static "page.js" %}" defer></script>')
    assert not refuses(architecture.inline_code, '<meta content="{% trans "on the way" %}">')


def test_secrets_pass_through_one_door() -> None:
    assert broken(architecture.loose_secrets, CODE) == []
    assert refuses(architecture.loose_secrets, "import secrets")
    assert refuses(architecture.loose_secrets, "from secrets import token_hex")
    assert refuses(architecture.loose_secrets, "from os import urandom")
    assert refuses(architecture.loose_secrets, "key = os.urandom(32)")
    assert refuses(architecture.loose_secrets, "found = hashlib.sha256(api_key.encode()).digest()")
    assert not refuses(architecture.loose_secrets, "manifest = hashlib.sha1(file).hexdigest()")


def imports_kept(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter over the packages in `folder`, by the contracts in its pyproject.toml."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_run_one_way() -> None:
    result = imports_kept(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "imports"),
    [
        ("credentials", "redemption"),
        ("credentials", "passflow"),
        ("webhooks", "redemption"),
        ("redemption", "webhooks"),
        ("redemption/apple", "redemption.google"),
        ("redemption/google", "redemption.apple"),
    ],
)
def test_an_import_the_other_way_is_refused(module: str, imports: str, tmp_path: Path) -> None:
    for package in (*APPS, "redemption/apple", "redemption/google"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(f"import {imports}" if package == module else "")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    result = imports_kept(tmp_path)
    assert result.returncode == 1
    assert "BROKEN" in result.stdout

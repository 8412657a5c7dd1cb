"""What README says is so."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from credentials.models import Credential
from credentials.states import diagram
from redemption.access import ENDED, Standing
from tests import factories
from tests.world import World

README = (settings.BASE_DIR / "README.md").read_text()


def test_the_lifecycle_picture_is_drawn_from_the_states() -> None:
    assert f"```mermaid\n{diagram()}\n```" in README


def test_every_setting_that_is_read_is_in_the_table() -> None:
    source = (settings.BASE_DIR / "passflow" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*["\']([A-Z_]+)["\']', source))
    table = "".join(line for line in README.splitlines() if line.startswith("| `"))
    assert read
    assert {name for name in read if f"`{name}`" not in table} == set()


def test_every_command_that_is_named_exists() -> None:
    makefile = (settings.BASE_DIR / "Makefile").read_text()
    named = set(re.findall(r"`?make ([a-z-]+)", README)) - {"sure"}
    assert named >= {"demo", "test", "serve", "worker"}
    assert {name for name in named if not re.search(rf"(?m)^{name}:", makefile)} == set()


def test_every_standing_of_the_page_is_explained() -> None:
    for standing in Standing:
        [row] = [line for line in README.splitlines() if line.startswith("| `") and f"`{standing}`" in line]
        assert row.endswith("| 410 |" if standing in ENDED else "| 200 |")


def test_every_place_that_is_named_exists() -> None:
    for place in re.findall(r"`((?:credentials|redemption|webhooks|passflow|tests)/[\w./]*)`", README):
        assert (settings.BASE_DIR / place).exists(), place


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour is written for curl")
def test_the_tour_with_curl_works(world: World, tmp_path: Path) -> None:
    demo = tmp_path / "demo.json"
    demo.write_text(
        json.dumps({"base_url": str(world.browser.base_url), "api_key": factories.api_key(world.account)})
    )
    [tour] = re.findall(r"```sh tour\n(.*?)```", README, re.DOTALL)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", tour],  # noqa: S607 - the reader's own shell
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "DEMO": str(demo)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "pass.json" in ran.stdout
    assert "\ninvited\nrevoked\n410\n" in ran.stdout
    assert '"type": "credential.revoked"' in ran.stdout
    assert Credential.objects.get().state == "revoked"

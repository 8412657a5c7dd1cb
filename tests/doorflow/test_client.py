"""DoorFlow's own client, made from its public OpenAPI file, works here with another base URL.

It is fetched with npm, so this is tried where the services are and npm is (`make test-services`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from credentials import tokens
from credentials.models import Account, Credential, Person
from credentials.states import State
from tests import factories

CLIENT = "doorflow@1.0.0"
NPM, NODE = shutil.which("npm"), shutil.which("node")

pytestmark = [
    pytest.mark.skipif("REDIS_URL" not in os.environ, reason="`make test` fetches nothing from the network"),
    pytest.mark.skipif(NPM is None or NODE is None, reason="needs npm and Node.js"),
]


@pytest.fixture(scope="session")
def client_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client in its `node_modules`."""
    folder = tmp_path_factory.mktemp("doorflow")
    quietly = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save"]
    fetched = run(str(NPM), "install", "--prefix", str(folder), *quietly, CLIENT)
    if fetched.returncode:
        pytest.skip(f"npm cannot fetch {CLIENT}: {fetched.stderr[-300:]}")
    return folder


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_client_walks_through_people_and_credentials(
    live_server: LiveServer, acme: Account, client_folder: Path
) -> None:
    factories.credential_type(acme, slug="membership", code=14)
    script = str(Path(__file__).with_name("walk.cjs"))
    walk = run(str(NODE), script, str(client_folder), live_server.url, factories.api_key(acme))
    assert walk.returncode == 0, walk.stderr
    seen: dict[str, Any] = json.loads(walk.stdout)

    assert (seen["taken"]["status"], seen["taken"]["error"]) == (422, "validation_failed")
    assert seen["taken"]["errors"] == {"email": ["This e-mail address has already been taken."]}
    assert (seen["unknown"]["status"], seen["unknown"]["error"]) == (404, "not_found")
    assert (seen["credential"]["again"]["status"], seen["credential"]["again"]["error"]) == (409, "conflict")
    assert seen["credential"]["again"]["credential"]["id"] == seen["credential"]["id"]
    assert seen["credential"]["deleted"]["status"] == "revoked"
    assert tokens.is_url_token(factories.url_token(seen["credential"]["url"]))
    assert seen["gone"] == {"result": "ok"}

    assert Credential.objects.get().state == State.REVOKED
    assert Person.objects.get(deleted_at=None).pk == seen["ada"]

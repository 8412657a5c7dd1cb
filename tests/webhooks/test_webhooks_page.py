"""What docs/webhooks.md says besides its programs: members, types, times and calls."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from credentials.event_types import PUBLIC_EVENT_TYPES, EventType
from credentials.models import Account
from credentials.timestamps import rfc3339
from tests import factories
from tests.webhooks.receivers import Hook
from webhooks import endpoints
from webhooks.dispatch import deliver_due
from webhooks.models import DisabledReason
from webhooks.retries import DELAYS
from webhooks.shapes import EndpointInput

PAGE = (settings.BASE_DIR / "docs" / "webhooks.md").read_text()
EXAMPLES = dict(re.findall(r"```json (\S+)\n(.*?)```", PAGE, re.DOTALL))
CALLS = re.findall(r"```sh calls\n(.*?)```", PAGE, re.DOTALL)
EXAMPLE_TIME = "2026-06-01T12:00:00Z"


def members(message: dict[str, Any]) -> list[str]:
    """Every member by its path, in order."""
    found = []
    for name, value in message.items():
        found.append(name)
        if isinstance(value, dict):
            found += [f"{name}.{inner}" for inner in members(value)]
    return found


def test_readme_leads_to_the_page() -> None:
    assert "(docs/webhooks.md)" in (settings.BASE_DIR / "README.md").read_text()


def test_the_examples_have_the_members_of_real_messages(hook: Hook, acme: Account) -> None:
    factories.credential(acme)
    endpoints.send_test(hook.endpoint, actor="test")
    deliver_due()
    real = {received.message["type"]: received.message for received in hook.receiver.received}
    shown = {name: json.loads(text) for name, text in EXAMPLES.items()}
    assert members(shown["webhook.test"]) == members(real["webhook.test"])
    assert members(shown["credential.added_to_wallet"]) == members(real["credential.created"])
    for name, message in shown.items():
        assert message["type"] == name


def test_every_type_is_explained_and_no_other() -> None:
    table = [line for line in PAGE.splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`((?:credential|security|webhook)\.[a-z_]+)`", "\n".join(table)))
    assert named == set(PUBLIC_EVENT_TYPES)


def test_every_member_of_an_endpoint_that_can_be_chosen_is_explained() -> None:
    for name in EndpointInput().fields:
        assert f"| `{name}` |" in PAGE


def test_the_operational_events_and_reasons_are_named() -> None:
    kinds = (
        EventType.WEBHOOK_ENDPOINT_FAILING,
        EventType.WEBHOOK_ENDPOINT_RECOVERED,
        EventType.WEBHOOK_ENDPOINT_DISABLED,
    )
    for word in (*kinds, *DisabledReason.values):
        assert f"`{word}`" in PAGE


def test_the_schedule_is_the_one_that_is_followed() -> None:
    flat = " ".join(PAGE.split())
    assert f"then after {', '.join(map(in_words, DELAYS[:-1]))} and {in_words(DELAYS[-1])}" in flat


def in_words(delay: timedelta) -> str:
    for unit, seconds in (("h", 3600), ("min", 60), ("s", 1)):
        if delay.total_seconds() >= seconds:
            return f"{delay.total_seconds() / seconds:g} {unit}"
    raise ValueError(delay)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(shutil.which("curl") is None, reason="the calls are written for curl")
def test_every_call_works(live_server: LiveServer, acme: Account) -> None:
    endpoint, _ = endpoints.create_endpoint(acme, url="https://hooks.example/in", actor="test")
    event = acme.events.get()
    hour_ago = rfc3339(timezone.now() - timedelta(hours=1))
    script = (
        "\n".join(CALLS).replace(EXAMPLE_TIME, str(hour_ago)).replace("curl -s", "curl -s --fail-with-body")
    )
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607 - the reader's own shell
        env={
            "PATH": "/usr/bin:/bin",
            "API": f"{live_server.url}/api/v3",
            "AUTH": f"Authorization: Bearer {factories.api_key(acme)}",
            "JSON": "Content-Type: application/json",
            "ID": endpoint.public_id,
            "LAST_SEEN": event.public_id,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert EXAMPLE_TIME in "".join(CALLS)
    assert len(CALLS) == 4
    assert acme.webhook_endpoints.count() == 2
    assert '"type":"webhook_endpoint.secret_rotated"' in ran.stdout

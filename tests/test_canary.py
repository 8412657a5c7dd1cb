"""After the whole main flow, with everything that can go wrong in it, no secret is left lying anywhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import current_app
from django.core import mail
from django.db import connection
from pytest_django import Settings

from credentials.models import ValueKey
from credentials.tokens import mint_url_token
from tests.factories import url_token
from tests.fakes.google import Fault
from tests.fakes.google_signing import new_key
from tests.fakes.google_wire import Answer
from tests.fakes.passd_wire import InstalledPass
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


class Sink(logging.Handler):
    """Keeps every line as a handler prints it that knows nothing of secrets."""

    def __init__(self) -> None:
        super().__init__(level=logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(message)s %(args)s %(pathname)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def logs() -> Iterator[Sink]:
    """Every log record of this test, down to DEBUG, as any handler gets it."""
    sink = Sink()
    root = logging.getLogger()
    level = root.level
    root.addHandler(sink)
    root.setLevel(logging.DEBUG)
    yield sink
    root.setLevel(level)
    root.removeHandler(sink)


@pytest.fixture
def broker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whatever is sent to the broker, as the bytes on its wire."""
    settings.EMBEDDED = False
    sent: list[str] = []
    publish = current_app.amqp.send_task_message

    def record(producer: Any, name: str, message: Any, **options: Any) -> Any:
        sent.append(f"{name} {message!r}")
        return publish(producer, name, message, **options)

    monkeypatch.setattr(current_app.amqp, "send_task_message", record)
    return sent


def test_no_secret_is_left_anywhere(world: World, logs: Sink, broker: list[str]) -> None:
    secrets = whole_flow(world)
    dump = database_dump()
    assert broker, "the doorbell was not rung at all"
    assert any("/passes/" in line for line in logs.lines), "nothing was logged that could have leaked"
    places = {"database": dump, "logs": "\n".join(logs.lines), "broker": "\n".join(broker)}
    found = [
        f"{kind} in the {place}"
        for place, text in places.items()
        for kind, secret in secrets
        if secret.lower() in text.lower()
    ]
    assert found == []


def test_the_dump_would_show_a_secret(world: World) -> None:
    issued = world.issue()
    assert issued["id"] in database_dump()


def whole_flow(world: World) -> list[tuple[str, str]]:
    """Everything once, the failures included; each secret that anybody was given on the way."""
    world.hook.receiver.status = 500
    issued = world.issue()
    card = world.add(issued["url"])
    world.api.post(f"/credentials/{issued['id']}/suspend")
    world.work()
    world.phone.pull_to_refresh(card.serial)
    updated = world.phone.passes[card.serial]
    renewed = world.api.post(f"/credentials/{issued['id']}/url").json()["url"]
    world.api.post(f"/credentials/{issued['id']}/resume")
    world.api.post(f"/credentials/{issued['id']}/email")
    world.work()
    mailed = next(word for word in str(mail.outbox[0].body).split() if "/passes/" in word)
    rotated = world.api.post(f"/webhook_endpoints/{world.hook.endpoint.public_id}/rotate_secret").json()
    unknown = go_wrong(world, updated)
    world.phone.remove(card.serial)
    break_the_file_of(world, mailed)
    of_google = through_google(world, mailed)
    world.api.delete(f"/credentials/{issued['id']}")
    world.work()
    return [
        *of_google,
        ("the URL", url_token(issued["url"])),
        ("the renewed URL", url_token(renewed)),
        ("the mailed URL", url_token(mailed)),
        ("an unknown URL", unknown),
        ("the API key", world.api.headers["authorization"].partition("_key_")[2]),
        ("the first authentication token", card.pass_json["authenticationToken"]),
        ("the next authentication token", updated.pass_json["authenticationToken"]),
        ("the webhook secret", world.hook.secret.partition("_")[2]),
        ("the rotated webhook secret", rotated["secret"].partition("_")[2]),
        ("a private key", "PRIVATE KEY"),
    ]


def go_wrong(world: World, card: InstalledPass) -> str:
    """404, 401 and 500, each with a secret in its path, header or body; the URL that never was."""
    unknown = mint_url_token()
    assert world.browser.get(f"/passes/{unknown}").status_code == 404
    assert world.browser.post(f"/passes/{unknown}/apple").status_code == 404
    path = f"/apple/v1/passes/{card.pass_json['passTypeIdentifier']}/{card.serial}"
    wrong = {"authorization": f"ApplePass {card.token}x"}
    assert world.browser.get(path, headers=wrong).status_code == 401
    world.browser.post("/apple/v1/log", json={"logs": [f"token {card.token} at /passes/{unknown}"]})
    with broken_value_keys():
        right = {"authorization": f"ApplePass {card.token}"}
        assert world.browser.get(path, headers=right).status_code == 500
        assert world.api.get("/credentials").status_code == 500
    return unknown


def break_the_file_of(world: World, url: str) -> None:
    """A 500 whose path holds the URL's secret."""
    location = world.browser.post(f"{url}/apple").headers["location"]
    with broken_value_keys():
        assert world.browser.get(location).status_code == 500


def through_google(world: World, url: str) -> list[tuple[str, str]]:
    """A claim and a card, what can go wrong with them, and what was said to Google on the way."""
    google = world.google
    google.tokens.granted.clear()
    google.always(Fault.DROP, "token")
    assert world.browser.post(f"{url}/google").status_code == 503
    google.script("token", [Answer(400, {"error": "invalid_grant", "error_description": "Invalid JWT."})])
    assert world.browser.post(f"{url}/google").status_code == 503
    # With a 401 it gets another token and tries once more, which finds no answer.
    refused = Answer(401, {"error": {"code": 401, "message": "Invalid Credentials"}})
    google.script("rest", [refused, Fault.LOSE])
    assert world.browser.post(f"{url}/google").status_code == 503
    with broken_value_keys():
        assert world.browser.post(f"{url}/google").status_code == 500
    card = world.save(url)
    google.callbacks.post(
        google.callbacks.delivered[0].url, google.signer.but(hand=new_key()).envelope({}, recipient="1")
    )
    google.script("rest", [OVERLOADED, Fault.DROP])
    world.android.remove(card.object_id)
    world.report()
    world.work()
    [account] = google.accounts.values()
    return [
        ("the card's value", str(card.value)),
        ("the service account's key", account.private_key_pem.decode().splitlines()[5]),
        *[("an access token", token) for token in google.tokens.given],
        *[("an assertion", assertion.rpartition(".")[2]) for assertion in google.tokens.assertions],
        *[("a save link", jwt.rpartition(".")[2]) for jwt in google.saving.opened],
    ]


OVERLOADED = Answer(503, "<h1>Service Unavailable</h1>")


@contextmanager
def broken_value_keys() -> Iterator[None]:
    """For as long as the block lasts, the key of the passes' values cannot be decrypted."""
    key = ValueKey.objects.get()
    ValueKey.objects.update(secret=b"broken")
    yield
    ValueKey.objects.update(secret=key.secret)


def database_dump() -> str:
    """Every cell of every table, bytes as characters."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        cells = []
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - our own tables
            cells += [cell for row in cursor.fetchall() for cell in row]
    return "\n".join(
        bytes(cell).decode("latin-1") if isinstance(cell, bytes | memoryview) else str(cell) for cell in cells
    )

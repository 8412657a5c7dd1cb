"""The wiring of the background work: every name in the settings leads to something that works."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from credentials import invitations, people_imports
from passflow.celery import app
from redemption.apple import registrations
from redemption.google import callbacks, updates

OURS = ("credentials.", "redemption.", "webhooks.")

ENTRIES: list[Any] = list(settings.CELERY_BEAT_SCHEDULE.values())
SCHEDULE = {entry["task"]: entry for entry in ENTRIES}

app.loader.import_default_modules()


def test_every_scheduled_task_exists_and_every_task_is_scheduled() -> None:
    tasks = {name for name in app.tasks if name.startswith(OURS)}
    assert set(SCHEDULE) == tasks
    assert len(SCHEDULE) == len(ENTRIES)


RUNG = {
    *settings.EVENT_CONSUMERS,
    *(invitations.SEND, people_imports.IMPORTER),
    *(registrations.PUSH, callbacks.SETTLE, updates.SEND),
}


@pytest.mark.parametrize("name", sorted(RUNG))
def test_whatever_is_rung_for_exists_and_is_looked_up_as_well(name: str) -> None:
    assert name in app.tasks
    assert name in SCHEDULE


def test_a_ring_that_nobody_took_is_forgotten_before_the_next() -> None:
    for entry in SCHEDULE.values():
        assert 0 < entry["options"]["expires"] <= entry["schedule"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", sorted(SCHEDULE))
def test_every_task_has_nothing_to_do_in_an_empty_database(name: str) -> None:
    assert app.tasks[name].run() is None


@pytest.mark.django_db
@pytest.mark.parametrize("path", settings.EVENT_RECORDERS)
def test_every_recorder_takes_events_even_none(path: str) -> None:
    with transaction.atomic():
        assert import_string(path)([]) is None

"""The background work without a broker: soon, each task for itself, and whatever happens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.db import connection

from passflow import embedded
from tests.passflow.processes import Installation


def test_every_task_is_worked_at_for_itself_whatever_the_others_do(tmp_path: Path) -> None:
    ended = Installation(tmp_path).run(
        "-c",
        "import django; django.setup(); from tests.passflow import embedded_process; embedded_process.main()",
    )
    assert ended.returncode == 0, ended.stderr
    seen = json.loads(ended.stdout)
    assert seen["noted"] == 2
    assert seen["after_ring"] < 1
    assert seen["failures"] >= 3
    # They end with the process, as the one that hangs shows by letting it end.
    assert seen["alive"] == seen["daemons"] == [True] * 3
    line = json.loads(ended.stderr.splitlines()[0])
    assert line["message"] == "task tests.passflow.embedded_process.fail failed"
    assert "RuntimeError: this task always fails" in line["traceback"]


@pytest.mark.django_db(transaction=True)
def test_a_task_that_is_nowhere_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    embedded.run("credentials.tasks.forgotten")
    assert [record.getMessage() for record in caplog.records] == ["task credentials.tasks.forgotten failed"]


@pytest.mark.django_db(transaction=True)
def test_a_task_leaves_no_broken_connection_behind() -> None:
    connection.ensure_connection()
    connection.errors_occurred = True
    if connection.connection is not None and connection.vendor == "postgresql":
        connection.connection.close()
    embedded.run("credentials.tasks.expire_due")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)

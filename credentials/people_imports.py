"""Takes the people of a CSV file into an account, in batches that can be interrupted at any moment.

A dry run comes first and writes nobody. Each batch then locks the import's row, calls the verbs on people and
moves `rows_done` in one transaction: a worker that is killed has done the whole batch or nothing, and several
workers never do one twice. It makes people only: no file ever makes a credential or a URL.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import copy
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from credentials import doorbell
from credentials.errors import Conflict
from credentials.event_types import EventType
from credentials.events import record
from credentials.models import Account, PeopleImport, Person, RefusedRow
from credentials.people import assign, create_person, update_person
from credentials.people_csv import Row, decode, read_rows
from credentials.people_rows import Outcome, find_repeats, settle
from credentials.roster import Columns

IMPORTER = "credentials.tasks.import_people"
BATCH = 200
MOST_REFUSALS_KEPT = 200
# A worker that dies leaves its import due again after this; each batch renews it.
LEASE = timedelta(minutes=1)
# A run ends after so many seconds and a batch, so that a worker can be stopped without killing it.
RUN_SECONDS = 10.0
# Between two batches, in seconds, so that others who write get their turn: SQLite has one writer.
BREATH = 0.1
# A dry run that nobody has started by then is over.
KEPT_UNSTARTED = timedelta(days=7)

Status = PeopleImport.Status


def check_file(account: Account, *, file_name: str, content: bytes, actor: str) -> PeopleImport:
    """A dry run: what would become of each row now; writes no person. Raises `Invalid` for the whole file."""
    text = decode(content)
    rows = read_rows(text)
    people_import = PeopleImport(
        account=account, actor=actor, file_name=file_name[:200], content=text, rows=len(rows)
    )

    def imagine(former: Person | None, columns: Columns) -> Person:
        person = Person(account=account) if former is None else copy(former)
        assign(person, columns)
        return person

    repeats, refusals = find_repeats(rows), []
    for first in range(0, len(rows), BATCH):
        outcome = settle(rows[first : first + BATCH], account=account, repeats=repeats, keep=imagine)
        _add(people_import, outcome)
        refusals += outcome.refusals
    with transaction.atomic():
        people_import.save()
        _keep_refusals(people_import, refusals)
    return people_import


def start(people_import: PeopleImport, *, actor: str) -> PeopleImport:
    """Begins what was checked. Begun already: changes nothing.

    Raises `Conflict` when it is over, or while another one into the same account is running.
    """
    with transaction.atomic():
        # Held, so that two imports into one account are never begun at once and wait for each other's people.
        account = Account.objects.select_for_update(no_key=True).get(pk=people_import.account_id)
        people_import = _held(people_import.pk)
        if people_import.status == Status.RUNNING:
            return people_import
        if people_import.status != Status.CHECKED:
            raise Conflict("This import is over; upload the file again.")
        if account.people_imports.filter(status=Status.RUNNING).exists():
            raise Conflict("Another import into this account is running; wait for its end or cancel it.")
        people_import.status, people_import.due_at = Status.RUNNING, timezone.now()
        people_import.actor, people_import.refusals = actor, []
        people_import.created = people_import.updated = people_import.unchanged = people_import.refused = 0
        people_import.save()
        people_import.refused_rows.all().delete()
        doorbell.ring(IMPORTER)
    return people_import


def cancel(people_import: PeopleImport, *, actor: str) -> PeopleImport:
    """Takes in nobody more; who was taken in stays. Cancelled already: changes nothing.

    Raises `Conflict` when it is done.
    """
    with transaction.atomic():
        people_import = _held(people_import.pk)
        if people_import.status == Status.DONE:
            raise Conflict("This import is done.")
        if people_import.status != Status.CANCELLED:
            _end(people_import, Status.CANCELLED, actor=actor)
    return people_import


def import_due() -> None:
    """Takes the running imports further, for about `RUN_SECONDS`; harmless to run twice at once."""
    until = time.monotonic() + RUN_SECONDS
    while (people_import := _lease_one()) is not None:
        _import(people_import, until=until)
        if time.monotonic() >= until:
            return


def forget_unstarted() -> None:
    """Ends the dry runs that nobody has started for a week: their files are full of people."""
    now = timezone.now()
    old = PeopleImport.objects.filter(status=Status.CHECKED, created_at__lte=now - KEPT_UNSTARTED)
    old.update(status=Status.CANCELLED, content="", finished_at=now)


class _File(NamedTuple):
    """An import's file, read once for all batches of a run."""

    rows: Sequence[Row]
    repeats: dict[int, dict[str, str]]


def _held(pk: int) -> PeopleImport:
    """The import's row as it is now, without its file, held until the transaction ends."""
    rows = PeopleImport.objects.select_related("account").defer("content")
    return rows.select_for_update(of=("self",), no_key=True).get(pk=pk)


def _lease_one() -> PeopleImport | None:
    now = timezone.now()
    with transaction.atomic():
        due = PeopleImport.objects.filter(due_at__lte=now).order_by("due_at")
        people_import = due.select_for_update(skip_locked=True, no_key=True).first()
        if people_import is not None:
            people_import.due_at = now + LEASE
            people_import.save(update_fields=["due_at"])
    return people_import


def _import(people_import: PeopleImport, *, until: float) -> None:
    rows = read_rows(people_import.content)
    file, lease = _File(rows, find_repeats(rows)), people_import.due_at
    while (lease := _import_batch(people_import.pk, file=file, lease=lease)) is not None:
        if time.monotonic() >= until:
            PeopleImport.objects.filter(pk=people_import.pk, due_at=lease).update(due_at=timezone.now())
            doorbell.ring(IMPORTER)
            return
        time.sleep(BREATH)


def _import_batch(pk: int, *, file: _File, lease: datetime | None) -> datetime | None:
    """The lease for the next batch; none at the end, when it was cancelled, and when somebody else has it."""
    with transaction.atomic():
        people_import = _held(pk)
        if people_import.due_at is None or people_import.due_at != lease:
            return None
        account, actor = people_import.account, people_import.actor

        def keep(former: Person | None, columns: Columns) -> Person:
            if former is None:
                return create_person(account, actor=actor, **columns)
            return update_person(former, actor=actor, **columns)

        batch = file.rows[people_import.rows_done :][:BATCH]
        outcome = settle(batch, account=account, repeats=file.repeats, keep=keep)
        _add(people_import, outcome)
        _keep_refusals(people_import, outcome.refusals)
        people_import.rows_done += len(batch)
        people_import.due_at = timezone.now() + LEASE
        if people_import.rows_done >= len(file.rows):
            _end(people_import, Status.DONE, actor=actor)
        people_import.save()
    return people_import.due_at


def _add(people_import: PeopleImport, outcome: Outcome) -> None:
    people_import.created += outcome.counts["created"]
    people_import.updated += outcome.counts["updated"]
    people_import.unchanged += outcome.counts["unchanged"]
    people_import.refused += outcome.counts["refused"]
    people_import.refusals = [*people_import.refusals, *outcome.refusals][:MOST_REFUSALS_KEPT]


def _keep_refusals(people_import: PeopleImport, refusals: Sequence[dict[str, Any]]) -> None:
    rows = (RefusedRow(people_import=people_import, **refusal) for refusal in refusals)
    RefusedRow.objects.bulk_create(rows, batch_size=1000)


def _end(people_import: PeopleImport, status: PeopleImport.Status, *, actor: str) -> None:
    """Ends it, and records what it did, if it did anything; the file is full of people, so it goes."""
    now = timezone.now()
    was_running = people_import.status == Status.RUNNING
    people_import.status, people_import.due_at, people_import.content = status, None, ""
    people_import.finished_at = now
    people_import.save()
    if was_running:
        counts = {
            name: getattr(people_import, name)
            for name in ("rows", "rows_done", "created", "updated", "unchanged", "refused")
        }
        data = {"import_id": people_import.public_id, **counts}
        record(EventType.PEOPLE_IMPORTED, account=people_import.account, actor=actor, now=now, data=data)

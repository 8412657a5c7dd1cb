"""Several dispatchers at once, and one that is killed: only a database server lets them meet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from credentials.models import Account
from tests import factories
from tests.webhooks.callers import Caller
from tests.webhooks.receivers import Hook, Receiver, hook_to
from webhooks import endpoints, leases
from webhooks.claims import claim
from webhooks.dispatch import deliver_due
from webhooks.endpoints import MOST_ENDPOINTS
from webhooks.finishing import Sent, finish
from webhooks.models import Attempt, Delivery, DeliveryStatus, Endpoint
from webhooks.outcomes import Outcome
from webhooks.transport import Result

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time: nobody overtakes"
    ),
]
ROOT = Path(__file__).resolve().parent.parent.parent


def _at_once(*verbs: Callable[[], Any]) -> list[Any]:
    def closing(verb: Callable[[], Any]) -> Any:
        try:
            return verb()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(verbs)) as threads:
        return [future.result() for future in [threads.submit(closing, verb) for verb in verbs]]


def test_dispatchers_at_once_deliver_each_row_once(acme: Account, receiver: Receiver) -> None:
    receiver.slowness = 0.01
    for _ in range(6):
        hook_to(receiver, account=acme)
    for _ in range(30):
        factories.credential(acme)
    tallies = _at_once(*[deliver_due] * 4)
    assert sum(tallies, Counter()) == {"succeeded": 180}
    assert len(receiver.received) == 180
    assert set(Counter(received.message_id for received in receiver.received).values()) == {6}


def test_claims_at_once_share_nothing(acme: Account, receiver: Receiver) -> None:
    prompt = [hook_to(receiver, account=acme).endpoint.pk for _ in range(10)]
    for _ in range(8):
        factories.credential(acme)

    def claim_all(token: str) -> list[int]:
        found: list[int] = []
        while messages := claim(token=token, limit=7, prompt=prompt):
            found += [message.delivery_id for message in messages]
        return found

    claimed = list(chain.from_iterable(_at_once(*[partial(claim_all, token) for token in "abcd"])))
    assert len(claimed) == len(set(claimed)) == 80


def test_what_is_put_off_while_it_is_being_claimed_is_not_claimed(
    hook: Hook, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.credential(acme)
    [message] = claim(token="late", limit=1)
    Delivery.objects.update(claimed_until=timezone.now())
    _wait_between_look_and_lock(monkeypatch)
    with ThreadPoolExecutor(1) as threads:
        _ask("SELECT pg_advisory_lock(1)")
        claiming = threads.submit(_at_once, partial(claim, token="other", limit=1))
        try:
            _wait_until(lambda: bool(_ask(_SOMEBODY_WAITS)))
            answer = Result(outcome=Outcome.FAILED, duration_ms=1, status=503, retry_after=3600)
            finish([Sent(message, timezone.now(), answer)], token="late")
        finally:
            _ask("SELECT pg_advisory_unlock(1)")
        assert claiming.result() == [[]]
    assert Delivery.objects.get().claim_token is None


def test_a_killed_dispatchers_rows_resume(hook: Hook, acme: Account) -> None:
    hook.receiver.slowness = 60
    factories.credential(acme)
    dispatcher = _start_dispatcher()
    try:
        _wait_until(lambda: bool(hook.receiver.received))
    finally:
        dispatcher.send_signal(signal.SIGKILL)
        dispatcher.wait()

    hook.receiver.slowness = 0
    assert deliver_due() == {}
    assert Delivery.objects.get().status == DeliveryStatus.PENDING
    Delivery.objects.update(claimed_until=timezone.now())
    assert deliver_due() == {"succeeded": 1}
    first, second = hook.receiver.received
    assert (first.message_id, first.body) == (second.message_id, second.body)


def test_answers_are_written_though_the_database_went_away_meanwhile(hook: Hook, acme: Account) -> None:
    hook.receiver.slowness = 0.5
    factories.credential(acme)

    def break_connections() -> None:
        _wait_until(lambda: bool(hook.receiver.received))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    with ThreadPoolExecutor(1) as threads:
        breaking = threads.submit(_at_once, break_connections)
        assert deliver_due() == {"succeeded": 1}
        breaking.result()
    assert Delivery.objects.get().status == DeliveryStatus.SUCCEEDED
    assert len(hook.receiver.received) == 1


def test_an_attempt_is_logged_once_though_its_endpoint_was_noted_at_the_second_try(
    hook: Hook, acme: Account
) -> None:
    hook.receiver.status = 500
    factories.credential(acme)
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            Endpoint.objects.select_for_update().get()
            delivering = threads.submit(_at_once, deliver_due)
            _wait_until(lambda: bool(_ask(_END_WHO_WAITS_FOR_US)))
        assert delivering.result() == [{"failed": 1}]
    assert Attempt.objects.count() == 1
    assert Endpoint.objects.get().consecutive_failures == 1


def test_disabling_while_dispatching_never_blocks_either(acme: Account, receiver: Receiver) -> None:
    hooks = [hook_to(receiver, account=acme) for _ in range(4)]
    receiver.status, receiver.slowness = 500, 0.01
    for _ in range(20):
        factories.credential(acme)

    def disable_all() -> None:
        for hook in hooks:
            endpoints.disable_endpoint(hook.endpoint, actor="test")

    _at_once(deliver_due, disable_all, deliver_due)
    Delivery.objects.update(next_attempt_at=timezone.now())
    assert deliver_due() == {}
    assert not Delivery.objects.filter(status=DeliveryStatus.PENDING).exists()


def _wait_between_look_and_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has claims wait for an advisory lock when they have seen what is due, and have not locked it yet."""
    statement = leases._STATEMENTS["postgresql"]
    waiting = "FROM (SELECT due.*, pg_advisory_xact_lock(1) FROM due) AS due JOIN"
    assert "FROM due JOIN" in statement
    monkeypatch.setitem(leases._STATEMENTS, "postgresql", statement.replace("FROM due JOIN", waiting))


_SOMEBODY_WAITS = """
    SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"""

_END_WHO_WAITS_FOR_US = """
    SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"""


def _ask(query: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows: list[Any] = cursor.fetchall()
    return rows


def test_endpoints_made_at_once_are_no_more_than_an_account_may_have(acme: Account) -> None:
    url = "https://hooks.example/"
    Endpoint.objects.bulk_create(Endpoint(account=acme, url=url) for _ in range(MOST_ENDPOINTS - 1))
    callers = [Caller.of(acme) for _ in range(6)]
    answers = _at_once(*[partial(caller.post, "webhook_endpoints", {"url": url}) for caller in callers])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert Endpoint.objects.count() == MOST_ENDPOINTS


def _start_dispatcher() -> subprocess.Popen[bytes]:
    database = connection.settings_dict
    address = f"{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}"
    return subprocess.Popen(
        [sys.executable, "manage.py", "deliver_webhooks", "--once"],
        cwd=ROOT,
        env=os.environ
        | {
            "DATABASE_URL": f"postgres://{address}/{database['NAME']}",
            "PASSFLOW_FIELD_KEYS": ",".join(settings.FIELD_KEYS),
            "PASSFLOW_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        },
    )


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)

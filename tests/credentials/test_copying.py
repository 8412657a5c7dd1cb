"""Rows by the thousand are as whole as those that are saved one by one."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from credentials.copying import WORTHWHILE, insert_all
from credentials.models import Account, Event


def _events(account: Account, count: int) -> list[Event]:
    data = {"text": 'a "quoted"\tline\\N\n', "number": 1, "nothing": None}
    return [
        Event(account=account, type="credential.created", actor="Zoë", created_at=timezone.now(), data=data)
        for _ in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, WORTHWHILE, 3 * WORTHWHILE])
def test_they_are_read_as_they_were_written(acme: Account, count: int) -> None:
    events = _events(acme, count)
    insert_all(events)
    kept = list(Event.objects.order_by("pk"))
    assert [event.pk for event in kept] == [event.pk for event in events]
    for field in ("public_id", "account_id", "actor", "data", "created_at", "person_id", "sequence"):
        assert [getattr(event, field) for event in kept] == [getattr(event, field) for event in events]
    assert not any(event._state.adding for event in events)


def test_later_rows_get_later_keys(acme: Account) -> None:
    many, one = _events(acme, WORTHWHILE), _events(acme, 1)
    insert_all(many)
    insert_all(one)
    assert one[0].pk > max(event.pk for event in many)


def test_one_that_may_not_be_lets_none_in(acme: Account) -> None:
    events = _events(acme, WORTHWHILE)
    events[-1].public_id = events[0].public_id
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_all(events)
    assert not Event.objects.exists()

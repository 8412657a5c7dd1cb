"""The sweep: records what has been true at every door, however much there is of it, and only once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from credentials import lifecycle, tasks
from credentials.models import Account, Credential, Event
from tests import factories


def ending(account: Account, **since: float) -> Credential:
    """A credential whose end came so long ago."""
    credential = factories.credential(account)
    Credential.objects.filter(pk=credential.pk).update(expires_at=timezone.now() - timedelta(**since))
    return credential


def states(account: Account) -> list[str]:
    return list(account.credentials.order_by("id").values_list("state", flat=True))


def test_what_is_due_is_recorded_once(acme: Account, globex: Account) -> None:
    for account in (acme, globex):
        ending(account, days=1)
        ending(account, seconds=1)
    for _ in range(2):
        tasks.expire_due.run()
    assert states(acme) == states(globex) == ["expired"] * 2
    expired = Event.objects.filter(type="credential.expired")
    assert list(expired.values_list("actor", flat=True)) == ["clock"] * 4


def test_what_is_not_due_is_left_alone(acme: Account) -> None:
    factories.credential(acme)
    factories.credential(acme, expires_at=timezone.now() + timedelta(hours=1))
    lifecycle.revoke(ending(acme, days=1), actor="test")
    tasks.expire_due.run()
    assert states(acme) == ["invited", "invited", "revoked"]


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_more_than_a_batch_is_recorded_in_one_run(
    acme: Account, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(tasks, "BATCH", batch)
    for _ in range(5):
        ending(acme, days=1)
    tasks.expire_due.run()
    assert states(acme) == ["expired"] * 5
    assert Event.objects.filter(type="credential.expired").count() == 5


def test_the_longest_due_come_first(acme: Account) -> None:
    newest, oldest, middle = ending(acme, hours=1), ending(acme, hours=3), ending(acme, hours=2)
    tasks.expire_due.run()
    recorded = Event.objects.filter(type="credential.expired").order_by("id")
    assert list(recorded.values_list("credential", flat=True)) == [oldest.pk, middle.pk, newest.pk]

"""Which deliveries an event leaves behind, in its own transaction."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from credentials import lifecycle, people
from credentials.copying import WORTHWHILE
from credentials.event_types import PUBLIC_EVENT_TYPES, EventType
from credentials.events import record, record_all
from credentials.models import Account, Event
from tests import factories
from tests.webhooks.receivers import Hook, Receiver, hook_to
from webhooks import endpoints
from webhooks.models import Delivery, DeliveryStatus
from webhooks.outbox import write_deliveries


def _owed(account: Account) -> list[str]:
    rows = Delivery.objects.filter(event__account=account).order_by("id")
    return [delivery.event.type for delivery in rows.select_related("event")]


def test_each_change_leaves_one_delivery_per_endpoint(acme: Account, receiver: Receiver) -> None:
    first, second = (hook_to(receiver, account=acme).endpoint for _ in range(2))
    credential = factories.credential(acme)
    lifecycle.suspend(credential, actor="test")
    for endpoint in (first, second):
        types = [delivery.event.type for delivery in endpoint.deliveries.order_by("id")]
        assert types == ["credential.created", "credential.suspended"]
    assert set(Delivery.objects.values_list("status", flat=True)) == {DeliveryStatus.PENDING}


def test_another_account_hears_nothing(acme: Account, globex: Account, receiver: Receiver) -> None:
    hook_to(receiver, account=globex)
    factories.credential(acme)
    assert not Delivery.objects.exists()


def test_an_endpoint_hears_what_it_subscribed_to(acme: Account, receiver: Receiver) -> None:
    hook_to(receiver, account=acme, event_types=["credential.revoked"])
    credential = factories.credential(acme)
    lifecycle.revoke(credential, actor="test")
    assert _owed(acme) == ["credential.revoked"]


def test_a_disabled_or_deleted_endpoint_is_owed_nothing(acme: Account, receiver: Receiver) -> None:
    endpoints.disable_endpoint(hook_to(receiver, account=acme).endpoint, actor="test")
    endpoints.delete_endpoint(hook_to(receiver, account=acme).endpoint, actor="test")
    factories.credential(acme)
    assert not Delivery.objects.exists()


def test_the_audit_trail_stays_in_the_house(hook: Hook, acme: Account) -> None:
    person = factories.person(acme)
    people.update_person(person, first_name="Grace", actor="test")
    endpoints.update_endpoint(hook.endpoint, description="Doors", actor="test")
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("event_type", sorted(set(EventType) - set(PUBLIC_EVENT_TYPES)))
def test_no_type_outside_the_contract_is_carried(hook: Hook, acme: Account, event_type: EventType) -> None:
    record(event_type, account=acme, actor="test", now=timezone.now())
    assert not Delivery.objects.exists()


def test_an_undone_change_owes_nothing(hook: Hook, acme: Account) -> None:
    with transaction.atomic():
        factories.credential(acme)
        assert Delivery.objects.count() == 1
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


def test_many_events_cost_two_queries(
    acme: Account,
    globex: Account,
    receiver: Receiver,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for account in (acme, acme, globex):
        hook_to(receiver, account=account)
    now = timezone.now()
    events = Event.objects.bulk_create(
        Event(account=account, type=EventType.CREDENTIAL_EXPIRED, actor="clock", created_at=now)
        for account in (acme, globex)
        for _ in range(20)
    )
    with django_assert_num_queries(2):
        write_deliveries(events)
    assert (len(_owed(acme)), len(_owed(globex))) == (40, 20)


@pytest.mark.parametrize("count", [1, WORTHWHILE + 1])
def test_many_at_once_are_owed_like_one(hook: Hook, acme: Account, count: int) -> None:
    began = timezone.now()
    with transaction.atomic():
        record_all(
            [
                Event(account=acme, type=EventType.CREDENTIAL_CREATED, actor="test", created_at=began)
                for _ in range(count)
            ]
        )
    owed = list(Delivery.objects.order_by("event"))
    assert [delivery.event_id for delivery in owed] == list(
        Event.objects.filter(type=EventType.CREDENTIAL_CREATED).order_by("pk").values_list("pk", flat=True)
    )
    assert len({delivery.public_id for delivery in owed}) == count
    for delivery in owed:
        assert (delivery.endpoint_id, delivery.status) == (hook.endpoint.pk, DeliveryStatus.PENDING)
        assert (delivery.failures, delivery.claim_token, delivery.finished_at) == (0, None, None)
        assert not delivery.alone
        assert began <= delivery.created_at <= timezone.now()
        assert began <= delivery.next_attempt_at <= timezone.now()


def test_events_that_nobody_hears_cost_one_query(
    acme: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    event = Event.objects.create(
        account=acme, type=EventType.CREDENTIAL_EXPIRED, actor="clock", created_at=timezone.now()
    )
    with django_assert_num_queries(1):
        write_deliveries([event])

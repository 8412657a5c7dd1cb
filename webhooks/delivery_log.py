"""Looking deliveries up: lists that stay quick however much was delivered."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, QuerySet, Subquery
from django.db.models.functions import Coalesce

from credentials.models import Credential, Event
from webhooks.models import Delivery, Endpoint
from webhooks.payloads import MESSAGE_PREFIX

# Nobody pages further; whoever looks for something older narrows the list.
MOST_LISTED = 10_000
# Of one type, the deliveries of so many events of the account.
MOST_OF_TYPE = 1_000


def find_deliveries(
    endpoint: Endpoint,
    *,
    status: str | None = None,
    event_type: str | None = None,
    credential_id: str | None = None,
    message_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Delivery]:
    """The newest of an endpoint that match, at most `MOST_LISTED`, made from `since` on and before `until`.

    Of a type, the deliveries of the account's newest `MOST_OF_TYPE` events before `until` are looked through.
    `credential_id` is a public id, `message_id` a `webhook-id`.
    """
    found = endpoint.deliveries.all()
    if message_id is not None:
        found = found.filter(event__public_id=message_id.removeprefix(MESSAGE_PREFIX))
    if status is not None:
        found = found.filter(status=status)
    if since is not None:
        found = found.filter(created_at__gte=since)
    if until is not None:
        found = found.filter(created_at__lt=until)
    if event_type is None and credential_id is None:
        return found.order_by("-created_at", "-pk")[:MOST_LISTED]
    events = _events(endpoint, event_type=event_type, credential_id=credential_id, until=until)
    # No index has this order. By one that has it, PostgreSQL would read all deliveries from the newest on in
    # the hope that those events are soon among them: four seconds of a million for a credential's twenty.
    newest_first = Coalesce("created_at", F("finished_at")).desc()
    return found.filter(event__in=events).order_by(newest_first, "-pk")[:MOST_LISTED]


def _events(
    endpoint: Endpoint, *, event_type: str | None, credential_id: str | None, until: datetime | None
) -> QuerySet[Event]:
    events = Event.objects.filter(account=endpoint.account_id)
    if event_type is not None:
        events = events.filter(type=event_type)
    if credential_id is None:
        if until is not None:
            before = Event.objects.filter(account=endpoint.account_id, created_at__lt=until)
            events = events.filter(pk__lte=Subquery(before.order_by("-created_at").values("pk")[:1]))
        return events.order_by("-pk")[:MOST_OF_TYPE]
    named = Credential.objects.filter(account=endpoint.account_id, public_id=credential_id)
    return events.filter(credential=Subquery(named.values("pk")))

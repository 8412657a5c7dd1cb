"""`/events` and `/credentials/{id}/events`: the audit trail, oldest first."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from credentials.api import lookups
from credentials.api.authentication import integrator
from credentials.api.filters import LATEST, EventsQuery, read_query
from credentials.api.shapes import EventJson, EventsJson
from credentials.errors import Invalid
from credentials.event_order import settled
from credentials.models import Event
from credentials.scopes import Scope


class Events(APIView):
    """Everything that happened in the account."""

    required_scopes = {"GET": Scope.EVENT_READONLY}

    @extend_schema(operation_id="listEvents", parameters=[EventsQuery], responses=EventsJson)
    def get(self, request: Request) -> Response:
        """Read the audit trail. To follow it, send the id of the last event you have seen as `after`."""
        return _answer(_events(request), read_query(request, EventsQuery))


class EventsOfCredential(APIView):
    """Everything that happened to one credential."""

    required_scopes = {"GET": Scope.EVENT_READONLY}

    @extend_schema(operation_id="listCredentialEvents", parameters=[EventsQuery], responses=EventsJson)
    def get(self, request: Request, credential_id: str) -> Response:
        """Read a credential's audit trail."""
        credential = lookups.find_credential(request, credential_id)
        return _answer(_events(request).filter(credential=credential), read_query(request, EventsQuery))


def _events(request: Request) -> QuerySet[Event]:
    return settled(Event.objects.filter(account=integrator(request).account))


def _answer(events: QuerySet[Event], query: EventsQuery) -> Response:
    asked = query.validated_data
    wanted = events.filter(type=asked["type"]) if "type" in asked else events
    if asked.get("after") == LATEST:
        wanted = wanted.filter(pk__gte=_newest(wanted))
    elif "after" in asked:
        wanted = wanted.filter(pk__gt=_seen(events, asked["after"]))
    # One more than is shown says whether there is more to read.
    found = list(wanted.select_related("credential").order_by("pk")[: asked["per_page"] + 1])
    shown = found[: asked["per_page"]]
    more = len(found) > len(shown)
    return Response({"data": EventJson(shown, many=True).data, "next": shown[-1].public_id if more else None})


def _newest(events: QuerySet[Event]) -> int:
    return events.order_by("-pk").values_list("pk", flat=True).first() or 0


def _seen(events: QuerySet[Event], after: str) -> int:
    seen = events.filter(public_id=after).values_list("pk", flat=True).first()
    if seen is None:
        raise Invalid("after", "There is no such event here.")
    return seen

"""The query strings of lists: checked like bodies, then applied to rows."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Value
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from rest_framework import serializers
from rest_framework.request import Request

from credentials.api.fields import MAX_ROW_ID
from credentials.event_types import EventType
from credentials.models.credentials import CredentialQuerySet
from credentials.models.people import PersonQuerySet
from credentials.states import State

Query = TypeVar("Query", bound=serializers.Serializer[Any])


class PeopleQuery(serializers.Serializer[Any]):
    """Which people."""

    email = serializers.CharField(max_length=254, required=False, help_text="The whole address, in any case.")
    system_id = serializers.CharField(max_length=100, required=False)
    since = serializers.DateTimeField(required=False, help_text="Changed at or after this time (ISO 8601).")
    since_utc = serializers.DateTimeField(required=False, help_text="The same, by DoorFlow's other name.")

    def applied_to(self, people: PersonQuerySet) -> PersonQuerySet:
        """The people that match; each look-up has its index."""
        asked = self.validated_data
        if "email" in asked:
            people = people.filter(Exact(Lower("email"), Lower(Value(asked["email"])))).exclude(email="")
        if "system_id" in asked:
            people = people.filter(system_id=asked["system_id"]).exclude(system_id="")
        for name in ("since", "since_utc"):
            if name in asked:
                people = people.filter(updated_at__gte=asked[name])
        return people


class CredentialsOfPersonQuery(serializers.Serializer[Any]):
    """Which credentials."""

    status = serializers.ChoiceField(choices=State.choices, required=False)
    credential_type_id = serializers.IntegerField(min_value=1, max_value=MAX_ROW_ID, required=False)

    def applied_to(self, credentials: CredentialQuerySet) -> CredentialQuerySet:
        """The credentials that match."""
        columns = {"status": "state", "credential_type_id": "credential_type", "person_id": "person"}
        return credentials.filter(**{columns[name]: value for name, value in self.validated_data.items()})


class CredentialsQuery(CredentialsOfPersonQuery):
    """Which credentials, of all people."""

    person_id = serializers.IntegerField(min_value=1, max_value=MAX_ROW_ID, required=False)


# No event's id, which are longer.
LATEST = "latest"


class EventsQuery(serializers.Serializer[Any]):
    """Which stretch of the audit trail."""

    after = serializers.CharField(
        max_length=24,
        required=False,
        help_text=f"The id of the last event you saw; `{LATEST}`: the newest alone, to follow from there.",
    )
    type = serializers.ChoiceField(choices=EventType.choices, required=False)
    per_page = serializers.IntegerField(min_value=1, max_value=100, default=50)


def read_query(request: Request, query: type[Query]) -> Query:
    """The checked query string; what is wrong with it is refused by name."""
    checked = query(data=request.query_params.dict())
    checked.is_valid(raise_exception=True)
    return checked

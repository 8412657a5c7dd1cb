"""`/people`: those whom an account gives passes to."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from credentials.api.authentication import integrator
from credentials.api.bodies import unwrapped
from credentials.api.filters import PeopleQuery, read_query
from credentials.api.idempotency import idempotent
from credentials.api.lookups import find_person, people
from credentials.api.pagination import PageQuery, answer_page
from credentials.api.shapes import DeletionJson, PersonInput, PersonJson
from credentials.people import create_person, delete_person, update_person
from credentials.scopes import Scope


class People(APIView):
    """All people."""

    required_scopes = {"GET": Scope.PERSON_READONLY, "POST": Scope.PERSON}

    @extend_schema(
        operation_id="listPeople", parameters=[PageQuery, PeopleQuery], responses=PersonJson(many=True)
    )
    def get(self, request: Request) -> Response:
        """List people."""
        rows = read_query(request, PeopleQuery).applied_to(people(request))
        return answer_page(rows, request=request, shape=PersonJson)

    @extend_schema(operation_id="createPerson", request=PersonInput, responses={201: PersonJson})
    @idempotent
    def post(self, request: Request) -> Response:
        """Create a person."""
        sent = PersonInput(data=unwrapped(request, "person"))
        sent.is_valid(raise_exception=True)
        caller = integrator(request)
        person = create_person(caller.account, actor=caller.actor, **sent.validated_data)
        return Response(PersonJson(person).data, 201)


class OnePerson(APIView):
    """One person."""

    required_scopes = {
        "GET": Scope.PERSON_READONLY,
        "PUT": Scope.PERSON,
        "PATCH": Scope.PERSON,
        "DELETE": Scope.PERSON,
    }

    @extend_schema(operation_id="getPerson", responses=PersonJson)
    def get(self, request: Request, person_id: int) -> Response:
        """Show a person."""
        return Response(PersonJson(find_person(request, person_id)).data)

    @extend_schema(operation_id="updatePerson", request=PersonInput(partial=True), responses=PersonJson)
    def put(self, request: Request, person_id: int) -> Response:
        """Change a person: what is not sent stays as it is, as in DoorFlow's API."""
        return self.patch(request, person_id)

    @extend_schema(operation_id="patchPerson", request=PersonInput(partial=True), responses=PersonJson)
    def patch(self, request: Request, person_id: int) -> Response:
        """Change a person: what is not sent stays as it is."""
        person = find_person(request, person_id)
        sent = PersonInput(data=unwrapped(request, "person"), partial=True)
        sent.is_valid(raise_exception=True)
        person = update_person(person, actor=integrator(request).actor, **sent.validated_data)
        return Response(PersonJson(person).data)

    @extend_schema(operation_id="deletePerson", responses={200: DeletionJson})
    def delete(self, request: Request, person_id: int) -> Response:
        """Delete a person: revokes what they hold and erases their personal data."""
        delete_person(find_person(request, person_id), actor=integrator(request).actor)
        return Response({"result": "ok"})

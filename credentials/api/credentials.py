"""`/credentials` and `/people/{id}/credentials`: what people hold."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from credentials import lifecycle
from credentials.api import lookups
from credentials.api.authentication import integrator
from credentials.api.bodies import unwrapped
from credentials.api.filters import CredentialsOfPersonQuery, CredentialsQuery, read_query
from credentials.api.idempotency import idempotent
from credentials.api.pagination import PageQuery, answer_page
from credentials.api.problems import CONTENT_TYPE
from credentials.api.shapes import (
    CredentialChanges,
    CredentialInput,
    CredentialJson,
    CredentialOfPersonInput,
    IssuedCredentialJson,
    ProblemJson,
    UrlJson,
)
from credentials.api.throttling import MintsUrls
from credentials.invitations import invite
from credentials.issuing import issue, renew_url, set_expiry
from credentials.models import Person
from credentials.reopening import reopen
from credentials.scopes import Scope
from credentials.timestamps import rfc3339

BODY = "person_credential"


class Credentials(APIView):
    """All credentials."""

    required_scopes = {"GET": Scope.PERSON_READONLY, "POST": Scope.PERSON}
    throttle_classes = [MintsUrls]

    @extend_schema(
        operation_id="listCredentials",
        parameters=[PageQuery, CredentialsQuery],
        responses=CredentialJson(many=True),
    )
    def get(self, request: Request) -> Response:
        """List credentials."""
        rows = read_query(request, CredentialsQuery).applied_to(lookups.credentials(request))
        return answer_page(rows, request=request, shape=CredentialJson)

    @extend_schema(
        operation_id="createCredential",
        request=CredentialOfPersonInput,
        responses={201: IssuedCredentialJson, (404, CONTENT_TYPE): ProblemJson},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Issue a credential to a person. The answer is the only one that ever shows its URL."""
        sent = CredentialOfPersonInput(data=unwrapped(request, BODY))
        sent.is_valid(raise_exception=True)
        return _issue(request, lookups.named_person(request, sent.validated_data["person_id"]), sent)


class CredentialsOfPerson(APIView):
    """The credentials of one person."""

    required_scopes = {"GET": Scope.PERSON_READONLY, "POST": Scope.PERSON}
    throttle_classes = [MintsUrls]

    @extend_schema(
        operation_id="listPersonCredentials",
        parameters=[PageQuery, CredentialsOfPersonQuery],
        responses=CredentialJson(many=True),
    )
    def get(self, request: Request, person_id: int) -> Response:
        """List a person's credentials."""
        person = lookups.find_person(request, person_id)
        rows = lookups.credentials(request).filter(person=person)
        rows = read_query(request, CredentialsOfPersonQuery).applied_to(rows)
        return answer_page(rows, request=request, shape=CredentialJson)

    @extend_schema(
        operation_id="createPersonCredential", request=CredentialInput, responses={201: IssuedCredentialJson}
    )
    @idempotent
    def post(self, request: Request, person_id: int) -> Response:
        """Issue a credential to this person. The answer is the only one that ever shows its URL."""
        person = lookups.find_person(request, person_id)
        sent = CredentialInput(data=unwrapped(request, BODY))
        sent.is_valid(raise_exception=True)
        return _issue(request, person, sent)


@extend_schema_view(
    get=extend_schema(operation_id="getCredential", responses=CredentialJson),
    put=extend_schema(operation_id="updateCredential", request=CredentialChanges, responses=CredentialJson),
    patch=extend_schema(operation_id="patchCredential", request=CredentialChanges, responses=CredentialJson),
    delete=extend_schema(operation_id="revokeCredential", responses={202: CredentialJson}),
)
class OneCredential(APIView):
    """One credential."""

    required_scopes = {
        "GET": Scope.PERSON_READONLY,
        "PUT": Scope.PERSON,
        "PATCH": Scope.PERSON,
        "DELETE": Scope.PERSON,
    }

    def get(self, request: Request, credential_id: str, person_id: int | None = None) -> Response:
        """Show a credential."""
        return Response(CredentialJson(lookups.find_credential(request, credential_id, person_id)).data)

    def put(self, request: Request, credential_id: str, person_id: int | None = None) -> Response:
        """Change when a credential expires: what is not sent stays as it is."""
        return self.patch(request, credential_id, person_id)

    def patch(self, request: Request, credential_id: str, person_id: int | None = None) -> Response:
        """Change when a credential expires: what is not sent stays as it is."""
        credential = lookups.find_credential(request, credential_id, person_id)
        sent = CredentialChanges(data=unwrapped(request, BODY))
        sent.is_valid(raise_exception=True)
        if "expires_at" in sent.validated_data:
            expires_at = sent.validated_data["expires_at"]
            credential = set_expiry(credential, expires_at=expires_at, actor=integrator(request).actor)
        return Response(CredentialJson(credential).data)

    def delete(self, request: Request, credential_id: str, person_id: int | None = None) -> Response:
        """Revoke a credential, for good. Its pass is taken out of order at once, wherever it is."""
        credential = lookups.find_credential(request, credential_id, person_id)
        credential = lifecycle.revoke(credential, actor=integrator(request).actor)
        return Response(CredentialJson(credential).data, 202)


@extend_schema_view(
    get=extend_schema(operation_id="getPersonCredential"),
    put=extend_schema(operation_id="updatePersonCredential"),
    patch=extend_schema(operation_id="patchPersonCredential"),
    delete=extend_schema(operation_id="revokePersonCredential"),
)
class OneCredentialOfPerson(OneCredential):
    """One credential, below its person."""


class CredentialUrl(APIView):
    """The redemption URL of a credential."""

    required_scopes = {"POST": Scope.PERSON}
    throttle_classes = [MintsUrls]

    @extend_schema(operation_id="renewCredentialUrl", request=None, responses={201: UrlJson})
    @idempotent
    def post(self, request: Request, credential_id: str) -> Response:
        """Make a fresh redemption URL. The former one stops working at once."""
        credential = lookups.find_credential(request, credential_id)
        credential, url = renew_url(credential, actor=integrator(request).actor)
        return Response({"url": url, "url_expires_at": rfc3339(credential.url_expires_at)}, 201)


class CredentialEmail(APIView):
    """The mail with the redemption URL of a credential."""

    required_scopes = {"POST": Scope.PERSON}

    @extend_schema(operation_id="emailCredential", request=None, responses={202: CredentialJson})
    @idempotent
    def post(self, request: Request, credential_id: str) -> Response:
        """Mail the person a fresh redemption URL, made in that moment. The former one stops working then."""
        credential = lookups.find_credential(request, credential_id)
        invite(credential, actor=integrator(request).actor)
        return Response(CredentialJson(credential).data, 202)


class CredentialSuspension(APIView):
    """Holding a credential back."""

    required_scopes = {"POST": Scope.PERSON}

    @extend_schema(operation_id="suspendCredential", request=None, responses=CredentialJson)
    @idempotent
    def post(self, request: Request, credential_id: str) -> Response:
        """Hold a credential back until it is resumed. Its pass stays in the wallet and says so."""
        credential = lookups.find_credential(request, credential_id)
        credential = lifecycle.suspend(credential, actor=integrator(request).actor)
        return Response(CredentialJson(credential).data)


class CredentialResumption(APIView):
    """Letting a credential work again."""

    required_scopes = {"POST": Scope.PERSON}

    @extend_schema(operation_id="resumeCredential", request=None, responses=CredentialJson)
    @idempotent
    def post(self, request: Request, credential_id: str) -> Response:
        """Let a suspended credential work again."""
        credential = lookups.find_credential(request, credential_id)
        credential = lifecycle.resume(credential, actor=integrator(request).actor)
        return Response(CredentialJson(credential).data)


class CredentialReopening(APIView):
    """Letting a URL work again that a removal has closed."""

    required_scopes = {"POST": Scope.PERSON}

    @extend_schema(operation_id="reopenCredential", request=None, responses=CredentialJson)
    @idempotent
    def post(self, request: Request, credential_id: str) -> Response:
        """Let the present URL add a pass again, before its pause is over or as the approval it waits for."""
        credential = lookups.find_credential(request, credential_id)
        credential = reopen(credential, actor=integrator(request).actor)
        return Response(CredentialJson(credential).data)


def _issue(request: Request, person: Person, sent: CredentialInput) -> Response:
    asked = sent.validated_data
    credential_type = lookups.named_credential_type(request, asked["credential_type_id"])
    credential, url = issue(
        person,
        credential_type=credential_type,
        actor=integrator(request).actor,
        expires_at=asked.get("expires_at"),
    )
    return Response({**CredentialJson(credential).data, "url": url}, 201)

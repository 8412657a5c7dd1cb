"""`/credential_types`: the kinds of credentials an account issues."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from credentials.api.authentication import integrator
from credentials.api.pagination import PageQuery, answer_page
from credentials.api.shapes import CredentialTypeJson
from credentials.models import CredentialType
from credentials.scopes import Scope


class CredentialTypes(APIView):
    """All credential types."""

    required_scopes = {"GET": Scope.CREDENTIAL_TYPE_READONLY}

    @extend_schema(
        operation_id="listCredentialTypes", parameters=[PageQuery], responses=CredentialTypeJson(many=True)
    )
    def get(self, request: Request) -> Response:
        """List credential types. Their ids differ between accounts: look them up, do not write them down."""
        rows = CredentialType.objects.filter(account=integrator(request).account).order_by("pk")
        return answer_page(rows, request=request, shape=CredentialTypeJson)

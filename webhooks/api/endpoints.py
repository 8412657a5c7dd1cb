"""`/webhook_endpoints`: where events are sent."""

from __future__ import annotations

from datetime import timedelta

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from credentials.api.authentication import integrator
from credentials.api.bodies import unwrapped
from credentials.api.idempotency import idempotent
from credentials.api.pagination import PageQuery, answer_page
from credentials.scopes import Scope
from webhooks import endpoints
from webhooks.api import lookups
from webhooks.shapes import (
    DeliveryJson,
    EndpointChanges,
    EndpointInput,
    EndpointJson,
    EndpointWithSecretJson,
    RotationInput,
)


class Endpoints(APIView):
    """All endpoints."""

    required_scopes = {"GET": Scope.WEBHOOK, "POST": Scope.WEBHOOK}

    @extend_schema(
        operation_id="listWebhookEndpoints", parameters=[PageQuery], responses=EndpointJson(many=True)
    )
    def get(self, request: Request) -> Response:
        """List webhook endpoints."""
        return answer_page(EndpointJson.rows(lookups.endpoints(request)), request=request, shape=EndpointJson)

    @extend_schema(
        operation_id="createWebhookEndpoint", request=EndpointInput, responses={201: EndpointWithSecretJson}
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Create a webhook endpoint. Its signing secret is shown in this answer only.

        With `v1a` there is no secret to keep: the `public_key` verifies, and can be read again.
        """
        sent = EndpointInput(data=unwrapped(request, "webhook_endpoint"))
        sent.is_valid(raise_exception=True)
        caller = integrator(request)
        endpoint, secret = endpoints.create_endpoint(
            caller.account, actor=caller.actor, **sent.validated_data
        )
        return Response({**EndpointJson(endpoint).data, "secret": secret}, 201)


class OneEndpoint(APIView):
    """One endpoint."""

    required_scopes = {"GET": Scope.WEBHOOK, "PATCH": Scope.WEBHOOK, "DELETE": Scope.WEBHOOK}

    @extend_schema(operation_id="getWebhookEndpoint", responses=EndpointJson)
    def get(self, request: Request, endpoint_id: str) -> Response:
        """Show a webhook endpoint."""
        return Response(EndpointJson(lookups.find_endpoint(request, endpoint_id)).data)

    @extend_schema(
        operation_id="patchWebhookEndpoint", request=EndpointChanges(partial=True), responses=EndpointJson
    )
    def patch(self, request: Request, endpoint_id: str) -> Response:
        """Change a webhook endpoint. What is not sent stays as it is."""
        endpoint = lookups.find_endpoint(request, endpoint_id)
        sent = EndpointChanges(data=unwrapped(request, "webhook_endpoint"), partial=True)
        sent.is_valid(raise_exception=True)
        actor = integrator(request).actor
        return Response(
            EndpointJson(endpoints.update_endpoint(endpoint, actor=actor, **sent.validated_data)).data
        )

    @extend_schema(operation_id="deleteWebhookEndpoint", responses={204: None})
    def delete(self, request: Request, endpoint_id: str) -> Response:
        """Delete a webhook endpoint: nothing more is sent to it."""
        endpoint = lookups.find_endpoint(request, endpoint_id)
        endpoints.delete_endpoint(endpoint, actor=integrator(request).actor)
        return Response(status=204)


class SecretRotation(APIView):
    """The signing secret of an endpoint."""

    required_scopes = {"POST": Scope.WEBHOOK}

    @extend_schema(
        operation_id="rotateWebhookSecret", request=RotationInput, responses=EndpointWithSecretJson
    )
    @idempotent
    def post(self, request: Request, endpoint_id: str) -> Response:
        """Rotate a signing secret. The new one is shown in this answer only.

        Until the overlap ends, messages carry the signatures of the new key and of the former ones.
        """
        endpoint = lookups.find_endpoint(request, endpoint_id)
        sent = RotationInput(data=request.data)
        sent.is_valid(raise_exception=True)
        overlap = timedelta(seconds=sent.validated_data.pop("overlap_seconds"))
        endpoint, secret = endpoints.rotate_secret(
            endpoint, overlap=overlap, actor=integrator(request).actor, **sent.validated_data
        )
        return Response({**EndpointJson(endpoint).data, "secret": secret})


class EndpointTest(APIView):
    """A test of an endpoint."""

    required_scopes = {"POST": Scope.WEBHOOK}

    @extend_schema(operation_id="testWebhookEndpoint", request=None, responses={202: DeliveryJson})
    @idempotent
    def post(self, request: Request, endpoint_id: str) -> Response:
        """Send a `webhook.test` message to this endpoint alone. If it is paused, it is tried at once."""
        endpoint = lookups.find_endpoint(request, endpoint_id)
        delivery = endpoints.send_test(endpoint, actor=integrator(request).actor)
        return Response(DeliveryJson(delivery).data, 202)

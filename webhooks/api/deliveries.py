"""`/deliveries` and those of an endpoint: what was sent, and what came of it."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from credentials.api.authentication import integrator
from credentials.api.filters import read_query
from credentials.api.idempotency import idempotent
from credentials.api.pagination import PageQuery, answer_page
from credentials.scopes import Scope
from webhooks.api import lookups
from webhooks.deliveries import retry_delivery
from webhooks.shapes import DeliveriesQuery, DeliveryJson, DeliveryWithPayloadJson


class DeliveriesOfEndpoint(APIView):
    """What was sent to an endpoint, and what is still to be."""

    required_scopes = {"GET": Scope.WEBHOOK}

    @extend_schema(
        operation_id="listWebhookDeliveries",
        parameters=[PageQuery, DeliveriesQuery],
        responses=DeliveryJson(many=True),
    )
    def get(self, request: Request, endpoint_id: str) -> Response:
        """List the newest 10,000 deliveries to an endpoint that match, with every attempt."""
        endpoint = lookups.find_endpoint(request, endpoint_id)
        rows = read_query(request, DeliveriesQuery).listed(endpoint)
        return answer_page(rows, request=request, shape=DeliveryJson)


class OneDelivery(APIView):
    """One delivery."""

    required_scopes = {"GET": Scope.WEBHOOK}

    @extend_schema(operation_id="getWebhookDelivery", responses=DeliveryWithPayloadJson)
    def get(self, request: Request, delivery_id: str) -> Response:
        """Show a delivery with its message and every attempt."""
        return Response(DeliveryWithPayloadJson(lookups.find_delivery(request, delivery_id)).data)


class DeliveryRetry(APIView):
    """A further attempt at a delivery."""

    required_scopes = {"POST": Scope.WEBHOOK}

    @extend_schema(operation_id="retryWebhookDelivery", request=None, responses={202: DeliveryJson})
    @idempotent
    def post(self, request: Request, delivery_id: str) -> Response:
        """Send a delivery again now, with the same message id."""
        delivery = lookups.find_delivery(request, delivery_id)
        delivery = retry_delivery(delivery, actor=integrator(request).actor)
        return Response(DeliveryJson(delivery).data, 202)

"""Rows of webhooks by the ids in a request. Every look-up starts from the caller's account."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework.request import Request

from credentials.api.authentication import integrator
from credentials.errors import NotFound
from webhooks.models import Delivery, Endpoint, EndpointQuerySet
from webhooks.shapes import DeliveryJson


def endpoints(request: Request) -> EndpointQuerySet:
    """The endpoints of the caller's account, without the deleted ones."""
    return Endpoint.objects.present().filter(account=integrator(request).account).order_by("pk")


def deliveries(request: Request) -> QuerySet[Delivery]:
    """What was sent to those endpoints, each with all that its representation needs."""
    return DeliveryJson.rows(Delivery.objects.filter(endpoint__in=endpoints(request)))


def find_endpoint(request: Request, endpoint_id: str) -> Endpoint:
    """Raises `NotFound`."""
    found = endpoints(request).filter(public_id=endpoint_id).first()
    if found is None:
        raise NotFound("There is no such webhook endpoint.")
    return found


def find_delivery(request: Request, delivery_id: str) -> Delivery:
    """Raises `NotFound`."""
    found = deliveries(request).filter(public_id=delivery_id).first()
    if found is None:
        raise NotFound("There is no such delivery.")
    return found

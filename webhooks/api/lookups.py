"""Rows of webhooks by the ids in a request. Every look-up starts from the caller's account."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework.request import Request

from credentials.api.authentication import integrator
from credentials.errors import Invalid, NotFound
from credentials.models import Credential
from webhooks.models import Delivery, Endpoint, EndpointQuerySet, Replay
from webhooks.shapes import DeliveryJson


def endpoints(request: Request) -> EndpointQuerySet:
    """The endpoints of the caller's account, without the deleted ones."""
    return Endpoint.objects.present().filter(account=integrator(request).account).order_by("pk")


def deliveries(request: Request) -> QuerySet[Delivery]:
    """What was sent to those endpoints, each with all that its representation needs."""
    return DeliveryJson.rows(Delivery.objects.filter(endpoint__in=endpoints(request)))


def replays(endpoint: Endpoint) -> QuerySet[Replay]:
    """The replays to an endpoint, newest first."""
    return endpoint.replays.select_related("endpoint__account", "credential")


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


def find_replay(request: Request, endpoint_id: str, replay_id: str) -> Replay:
    """Raises `NotFound`."""
    found = replays(find_endpoint(request, endpoint_id)).filter(public_id=replay_id).first()
    if found is None:
        raise NotFound("There is no such replay.")
    return found


def named_credential(request: Request, credential_id: str) -> Credential:
    """The credential that a body names. Raises `Invalid`."""
    rows = Credential.objects.filter(account=integrator(request).account)
    found = rows.filter(public_id=credential_id).first()
    if found is None:
        raise Invalid("credential_id", "This was not found in this account.")
    return found

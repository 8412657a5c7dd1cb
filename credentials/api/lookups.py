"""Rows by the ids in a request. Every look-up starts from the caller's account, so that what belongs to
another one is exactly as unknown as what does not exist.
"""

from __future__ import annotations

from rest_framework.request import Request

from credentials.api.authentication import integrator
from credentials.errors import Invalid, NotFound
from credentials.models import Credential, CredentialType, Person
from credentials.models.credentials import CredentialQuerySet
from credentials.models.people import PersonQuerySet


def people(request: Request) -> PersonQuerySet:
    """The people of the caller's account, without the deleted ones."""
    return Person.objects.present().filter(account=integrator(request).account).order_by("pk")


def credentials(request: Request) -> CredentialQuerySet:
    """The credentials of the caller's account, each with all that its representation needs."""
    return Credential.objects.with_installed_pass().filter(account=integrator(request).account).order_by("pk")


def find_person(request: Request, person_id: int) -> Person:
    """Raises `NotFound`."""
    found = people(request).select_related("account").filter(pk=person_id).first()
    if found is None:
        raise NotFound("There is no such person.")
    return found


def find_credential(request: Request, credential_id: str, person_id: int | None = None) -> Credential:
    """The credential; where the address also names a person, only if it is theirs. Raises `NotFound`."""
    rows = credentials(request).filter(public_id=credential_id)
    if person_id is not None:
        rows = rows.filter(person=person_id, person__deleted_at=None)
    found = rows.first()
    if found is None:
        raise NotFound("There is no such credential.")
    return found


def named_person(request: Request, person_id: int) -> Person:
    """The person that a body names. Raises `Invalid`."""
    found = people(request).select_related("account").filter(pk=person_id).first()
    if found is None:
        raise Invalid("person_id", "This was not found in this account.")
    return found


def named_credential_type(request: Request, credential_type_id: int) -> CredentialType:
    """The type that a body names. Raises `Invalid`."""
    found = CredentialType.objects.filter(account=integrator(request).account, pk=credential_type_id).first()
    if found is None:
        raise Invalid("credential_type_id", "This was not found in this account.")
    return found

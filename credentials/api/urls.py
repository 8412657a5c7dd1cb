"""The addresses of the API, relative to `/api/v3/`."""

from __future__ import annotations

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from credentials.api import description
from credentials.api.credential_types import CredentialTypes
from credentials.api.credentials import (
    CredentialEmail,
    CredentialReopening,
    CredentialResumption,
    Credentials,
    CredentialsOfPerson,
    CredentialSuspension,
    CredentialUrl,
    OneCredential,
    OneCredentialOfPerson,
)
from credentials.api.events import Events, EventsOfCredential
from credentials.api.fields import MAX_ROW_ID
from credentials.api.people import OnePerson, People


class RowIdConverter:
    """An integer that a row can have; a larger one is an address of nothing."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        """Raises `ValueError`, as Django asks, for what the database cannot hold."""
        if int(value) > MAX_ROW_ID:
            raise ValueError(value)
        return int(value)

    def to_url(self, value: int) -> str:
        """The number, in decimal."""
        return str(value)


class PublicIdConverter(StringConverter):
    """The name of a row in public addresses."""

    regex = "[0-9A-Za-z]{1,24}"


register_converter(RowIdConverter, "row_id")
register_converter(PublicIdConverter, "public_id")

urlpatterns = [
    path("people", People.as_view()),
    path("people/<row_id:person_id>", OnePerson.as_view()),
    path("people/<row_id:person_id>/credentials", CredentialsOfPerson.as_view()),
    path("people/<row_id:person_id>/credentials/<public_id:credential_id>", OneCredentialOfPerson.as_view()),
    path("credential_types", CredentialTypes.as_view()),
    path("credentials", Credentials.as_view()),
    path("credentials/<public_id:credential_id>", OneCredential.as_view()),
    path("credentials/<public_id:credential_id>/url", CredentialUrl.as_view()),
    path("credentials/<public_id:credential_id>/email", CredentialEmail.as_view()),
    path("credentials/<public_id:credential_id>/suspend", CredentialSuspension.as_view()),
    path("credentials/<public_id:credential_id>/resume", CredentialResumption.as_view()),
    path("credentials/<public_id:credential_id>/reopen", CredentialReopening.as_view()),
    path("credentials/<public_id:credential_id>/events", EventsOfCredential.as_view()),
    path("events", Events.as_view()),
    path("openapi.json", description.document),
    path("docs", description.page),
]

"""What the API writes and reads: each class is the JSON of one noun, and its description in OpenAPI."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from credentials.api.fields import Email, Flag, RowId, Text
from credentials.event_types import EventType
from credentials.models import Credential, CredentialType, Event, Person
from credentials.models.accounts import languages
from credentials.snapshots import snapshot
from credentials.states import Evidence, State, Wallet
from credentials.timestamps import rfc3339
from credentials.values import totp_of, value_of

Json = dict[str, Any]


@extend_schema_serializer(component_name="Person")
class PersonJson(serializers.Serializer[Person]):
    """Somebody who holds credentials."""

    id = serializers.IntegerField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    email = serializers.CharField(allow_null=True)
    system_id = serializers.CharField(allow_null=True, help_text="Your own id of this person.")
    language = serializers.ChoiceField(
        choices=languages(), allow_null=True, help_text="Of mails to this person. Null: the account's."
    )
    enabled = serializers.BooleanField(help_text="While false, the person's passes open nothing.")
    valid_from = serializers.DateTimeField(allow_null=True)
    valid_to = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    groups = serializers.ListField(child=serializers.IntegerField(), help_text="Always empty; DoorFlow's.")
    roles = serializers.ListField(child=serializers.IntegerField(), help_text="Always empty; DoorFlow's.")

    def to_representation(self, instance: Person) -> Json:
        """The person as JSON."""
        return {
            "id": instance.pk,
            "first_name": instance.first_name,
            "last_name": instance.last_name,
            "email": instance.email or None,
            "system_id": instance.system_id or None,
            "language": instance.language or None,
            "enabled": instance.enabled,
            "valid_from": rfc3339(instance.valid_from),
            "valid_to": rfc3339(instance.valid_to),
            "created_at": rfc3339(instance.created_at),
            "updated_at": rfc3339(instance.updated_at),
            "groups": [],
            "roles": [],
        }


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A member",
            {
                "first_name": "Ada",
                "last_name": "Lovelace",
                "email": "ada@example.org",
                "system_id": "member-1815",
            },
        )
    ]
)
class PersonInput(serializers.Serializer[Person]):
    """A person as a caller writes it; unknown members are ignored."""

    first_name = Text(min_length=1, max_length=100)
    last_name = Text(min_length=1, max_length=100)
    email = Email(max_length=254, allow_blank=True, allow_null=True, required=False)
    system_id = Text(max_length=100, allow_blank=True, allow_null=True, required=False)
    language = serializers.ChoiceField(choices=languages(), allow_blank=True, allow_null=True, required=False)
    enabled = Flag(required=False)
    valid_from = serializers.DateTimeField(allow_null=True, required=False)
    valid_to = serializers.DateTimeField(allow_null=True, required=False)

    def validate_email(self, value: str | None) -> str:
        """The column holds an empty text where the API has null."""
        return value or ""

    def validate_system_id(self, value: str | None) -> str:
        """As for `email`."""
        return value or ""

    def validate_language(self, value: str | None) -> str:
        """As for `email`."""
        return value or ""


@extend_schema_serializer(component_name="Deletion")
class DeletionJson(serializers.Serializer[Any]):
    """What deleting a person answers, as in DoorFlow's API."""

    result = serializers.ChoiceField(choices=["ok"])


@extend_schema_serializer(component_name="CredentialType")
class CredentialTypeJson(serializers.Serializer[CredentialType]):
    """A kind of credential."""

    id = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]
    slug = serializers.CharField()
    code = serializers.IntegerField(allow_null=True)


@extend_schema_serializer(component_name="Totp")
class TotpJson(serializers.Serializer[Any]):
    """How the code that follows the value in a rotating barcode is made (RFC 6238)."""

    key = serializers.CharField(help_text="A secret of this one pass, Base16.")
    algorithm = serializers.ChoiceField(choices=["SHA1"])
    period = serializers.IntegerField(help_text="Seconds after which the code changes.")
    digits = serializers.IntegerField()


@extend_schema_serializer(component_name="Credential")
class CredentialJson(serializers.Serializer[Credential]):
    """A credential, without its URL."""

    id = serializers.CharField()
    person_id = serializers.IntegerField()
    credential_type_id = serializers.IntegerField()
    label = serializers.CharField(help_text="That of its type.")  # type: ignore[assignment]
    status = serializers.ChoiceField(choices=State.choices)
    wallet_type = serializers.ChoiceField(choices=Wallet.choices, allow_null=True)
    value = serializers.CharField(allow_null=True, help_text="What a scanner reads off the installed pass.")
    value_totp = TotpJson(
        allow_null=True,
        help_text="Null unless the installed pass shows a rotating barcode: a scanner then reads the value, "
        "a hyphen, and the code of the moment.",
    )
    confirmed_at = serializers.DateTimeField(
        allow_null=True, help_text="When the installed pass was last known to be in its wallet."
    )
    confirmed_by = serializers.ChoiceField(
        choices=Evidence.choices,
        allow_null=True,
        help_text="By what: a device registered it, the wallet's server reported it, or said so when asked.",
    )
    devices = serializers.IntegerField(help_text="How many devices the pass is on.")
    created_at = serializers.DateTimeField()
    invited_at = serializers.DateTimeField()
    added_to_wallet_at = serializers.DateTimeField(allow_null=True)
    removed_from_wallet_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    suspended_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    url_expires_at = serializers.DateTimeField(allow_null=True)
    reopens_at = serializers.DateTimeField(
        allow_null=True, help_text="When the URL of a removed pass works again, after a pause."
    )
    awaits_approval = serializers.BooleanField(
        help_text="Whether the URL of a removed pass waits until somebody re-opens it."
    )

    def to_representation(self, instance: Credential) -> Json:
        """The credential as JSON: its public facts and what is known of the pass in a wallet."""
        installed = instance.installed_pass
        value = value_of(installed) if installed else None
        totp = totp_of(installed) if installed else None
        return {
            **snapshot(instance, installed=installed),
            "value": value,
            "value_totp": asdict(totp) if totp else None,
            "confirmed_at": rfc3339(installed.confirmed_at) if installed else None,
            "confirmed_by": (installed.confirmed_by or None) if installed else None,
            "reopens_at": rfc3339(instance.reopens_at),
            "awaits_approval": instance.awaits_approval,
        }


@extend_schema_serializer(component_name="RedemptionUrl")
class UrlJson(serializers.Serializer[Any]):
    """A redemption URL, in the one answer that ever shows it."""

    url = serializers.URLField(allow_null=True, help_text="A bearer secret. Null in a replayed answer.")
    url_expires_at = serializers.DateTimeField(allow_null=True)


@extend_schema_serializer(component_name="IssuedCredential")
class IssuedCredentialJson(CredentialJson):
    """A credential with its redemption URL, as it is answered once."""

    url = serializers.URLField(allow_null=True, help_text="A bearer secret. Null in a replayed answer.")


class CredentialInput(serializers.Serializer[Credential]):
    """A credential to issue; unknown members are ignored."""

    credential_type_id = RowId()
    expires_at = serializers.DateTimeField(allow_null=True, required=False)


class CredentialOfPersonInput(CredentialInput):
    """A credential to issue, where the address does not name the person."""

    person_id = RowId()


class CredentialChanges(serializers.Serializer[Credential]):
    """What can be changed about a credential; unknown members are ignored."""

    expires_at = serializers.DateTimeField(allow_null=True, required=False)


@extend_schema_serializer(component_name="Event")
class EventJson(serializers.Serializer[Any]):
    """Something that happened."""

    id = serializers.CharField()
    type = serializers.ChoiceField(choices=EventType.choices)
    created_at = serializers.DateTimeField()
    actor = serializers.CharField(help_text="Who did it, such as `api_key:7`, `apple` or `clock`.")
    sequence = serializers.IntegerField(allow_null=True, help_text="Rising by one for each credential.")
    person_id = serializers.IntegerField(allow_null=True)
    credential_id = serializers.CharField(allow_null=True)
    data = serializers.DictField(help_text="How the credential looked.")  # type: ignore[assignment]

    def to_representation(self, instance: Event) -> Json:
        """The event as JSON."""
        return {
            "id": instance.public_id,
            "type": instance.type,
            "created_at": rfc3339(instance.created_at),
            "actor": instance.actor,
            "sequence": instance.sequence,
            "person_id": instance.person_id,
            "credential_id": instance.credential.public_id if instance.credential else None,
            "data": instance.data,
        }


@extend_schema_serializer(component_name="Events")
class EventsJson(serializers.Serializer[Any]):
    """A stretch of the audit trail, oldest first."""

    data = EventJson(many=True)  # type: ignore[assignment]
    next = serializers.CharField(allow_null=True, help_text="What to send as `after`; null at the end.")


@extend_schema_serializer(component_name="Problem")
class ProblemJson(serializers.Serializer[Any]):
    """A problem document (RFC 9457), with the members of DoorFlow's errors."""

    type = serializers.URLField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField(help_text="The id of the request, as in the header X-Request-Id.")
    error = serializers.CharField(help_text="A code for programs.")
    error_description = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="Each field that was refused, with the reasons.",
    )
    credential = CredentialJson(required=False, help_text="The credential that is held already.")

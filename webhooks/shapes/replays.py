"""Replays as JSON, and what one is asked for."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from credentials.api.fields import Flag, Text
from credentials.event_types import PUBLIC_EVENT_TYPES
from credentials.timestamps import rfc3339
from webhooks.models import Replay, ReplayStatus

Json = dict[str, Any]


@extend_schema_serializer(component_name="WebhookReplay")
class ReplayJson(serializers.Serializer[Replay]):
    """A stretch of the past that is sent to an endpoint again, and how far that has come."""

    id = serializers.CharField()
    status = serializers.ChoiceField(choices=ReplayStatus.choices)
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(help_text="What happened at this moment is not part of it any more.")
    types = serializers.ListField(child=serializers.ChoiceField(choices=PUBLIC_EVENT_TYPES))
    only_failed = serializers.BooleanField()
    credential_id = serializers.CharField(allow_null=True)
    total = serializers.IntegerField(allow_null=True, help_text="Events; null until they are counted.")
    done = serializers.IntegerField(help_text="How many of them have been dealt with.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Replay) -> Json:
        """The replay as JSON."""
        return {
            "id": instance.public_id,
            "status": instance.status,
            "since": rfc3339(instance.since),
            "until": rfc3339(instance.until),
            "types": instance.event_types,
            "only_failed": instance.only_failed,
            "credential_id": instance.credential and instance.credential.public_id,
            "total": instance.total,
            "done": instance.done,
            "created_at": rfc3339(instance.created_at),
            "finished_at": rfc3339(instance.finished_at),
        }


class ReplayInput(serializers.Serializer[Any]):
    """What to send again; unknown members are ignored."""

    since = serializers.DateTimeField(help_text="From this moment on, within what is still on record.")
    until = serializers.DateTimeField(required=False, help_text="Until before this moment, or until now.")
    types = serializers.ListField(
        child=Text(), required=False, help_text="Of those that the endpoint hears; empty: all."
    )
    only_failed = Flag(
        required=False, help_text="Only what was tried or called off, and has not arrived. Else everything."
    )
    credential_id = Text(required=False, help_text="Only what happened to this credential.")

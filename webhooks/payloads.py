"""What a receiver reads: the public contract of webhooks, member by member.

The members are named here one by one, so that nothing new in an event leaves the house by accident, and an
event yields the same bytes at every attempt, whichever database kept it.
"""

from __future__ import annotations

import json
from typing import Any

from credentials.event_types import PUBLIC_EVENT_TYPES
from credentials.models import Event
from credentials.timestamps import rfc3339
from webhooks.look_ups import EventFacts

CARRIED_TYPES = frozenset(PUBLIC_EVENT_TYPES)

CREDENTIAL_MEMBERS = (
    "id",
    "person_id",
    "credential_type_id",
    "label",
    "status",
    "wallet_type",
    "devices",
    "created_at",
    "invited_at",
    "added_to_wallet_at",
    "removed_from_wallet_at",
    "revoked_at",
    "suspended_at",
    "expires_at",
    "url_expires_at",
)

SUSPICION_MEMBERS = ("rule", "uses", "seconds")

MESSAGE_PREFIX = "msg_"


def message_id(event: Event | EventFacts) -> str:
    """The `webhook-id`: the same at every attempt, so that receivers can tell a repetition."""
    return MESSAGE_PREFIX + event.public_id


def body(event: Event | EventFacts) -> bytes:
    """The message as minified ASCII JSON; `timestamp` is the event's, RFC 3339 in UTC."""
    message = {"type": event.type, "timestamp": rfc3339(event.created_at), "data": _data(event)}
    return json.dumps(message, separators=(",", ":")).encode()


def _data(event: Event | EventFacts) -> dict[str, Any]:
    suspicion = event.data.get("suspicion")
    return {
        "account_id": event.account_id,
        "credential": _credential(event),
        "person_id": event.data.get("person_id"),
        "system_id": event.data.get("system_id"),
        "sequence": event.sequence,
        "actor": event.actor,
        **({"suspicion": {member: suspicion[member] for member in SUSPICION_MEMBERS}} if suspicion else {}),
    }


def _credential(event: Event | EventFacts) -> dict[str, Any] | None:
    snapshot = event.data.get("credential")
    # An event of former times lacks members that were named since.
    return snapshot and {member: snapshot.get(member) for member in CREDENTIAL_MEMBERS}

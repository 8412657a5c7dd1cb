"""The nouns: columns, constraints, querysets and read-only facts."""

from __future__ import annotations

from credentials.models.accounts import Account, ApiKey
from credentials.models.branding import Branding
from credentials.models.credentials import Credential, RedemptionUrl, ValueKey, WalletPass
from credentials.models.designs import CredentialType, DesignImage
from credentials.models.events import Event
from credentials.models.idempotency import IdempotentRequest
from credentials.models.imports import PeopleImport, RefusedRow
from credentials.models.invitations import Invitation
from credentials.models.owed_mail import OwedMail
from credentials.models.people import Person

__all__ = [
    "Account",
    "ApiKey",
    "Branding",
    "Credential",
    "CredentialType",
    "DesignImage",
    "Event",
    "IdempotentRequest",
    "Invitation",
    "OwedMail",
    "PeopleImport",
    "Person",
    "RedemptionUrl",
    "RefusedRow",
    "ValueKey",
    "WalletPass",
]

"""What is true of one pass at this moment, in terms of no wallet in particular."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from credentials.models import Credential, CredentialType, Person, WalletPass
from credentials.states import PassState, State
from credentials.values import value_of

Standing = Literal["active", "suspended", "revoked", "expired", "replaced"]


@dataclass(frozen=True, kw_only=True)
class PassFacts:
    """What is true of one pass; `holder` maps first_name, last_name, email, system_id and label to texts."""

    serial_number: str
    value: str = field(repr=False)
    holder: Mapping[str, str] = field(default_factory=dict, repr=False)
    standing: Standing = "active"
    expires_at: datetime | None = None

    def texts(self) -> dict[str, str]:
        """What the placeholders of a design stand for; the value only while the pass is active."""
        names = (self.holder.get("first_name"), self.holder.get("last_name"))
        return {
            **self.holder,
            "full_name": " ".join(name for name in names if name),
            "value": self.value if self.standing == "active" else "",
            "expires_at": f"{self.expires_at.astimezone(UTC):%Y-%m-%d}" if self.expires_at else "",
        }


def facts_of(wallet_pass: WalletPass, *, now: datetime) -> PassFacts:
    """The facts at `now`, from rows that came with credential, person, type and value key."""
    credential = wallet_pass.credential
    return PassFacts(
        serial_number=wallet_pass.serial_number,
        value=value_of(wallet_pass),
        holder=_holder(credential.person, credential.credential_type),
        standing=standing_of(wallet_pass, now=now),
        expires_at=end_of(credential),
    )


def standing_of(wallet_pass: WalletPass, *, now: datetime) -> Standing:
    """What the pass in the wallet says of itself."""
    credential = wallet_pass.credential
    if credential.state == State.REVOKED:
        return "revoked"
    if credential.has_expired(now):
        return "expired"
    if wallet_pass.state == PassState.VOIDED:
        return "replaced"
    if credential.is_suspended(now):
        return "suspended"
    return "active"


def end_of(credential: Credential) -> datetime | None:
    """When a pass ends: the earlier of the credential's end and the person's."""
    ends = [end for end in (credential.expires_at, credential.person.valid_to) if end is not None]
    return min(ends, default=None)


def _holder(person: Person, credential_type: CredentialType) -> dict[str, str]:
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "system_id": person.system_id,
        "label": credential_type.label,
    }

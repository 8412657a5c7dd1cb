"""A credential as others see it: the one shape behind the API, the audit trail and the webhooks."""

from __future__ import annotations

from typing import Any

from credentials.models import Credential, WalletPass
from credentials.timestamps import rfc3339


def snapshot(credential: Credential, *, installed: WalletPass | None) -> dict[str, Any]:
    """All public facts of `credential` but its URL and its value, JSON-ready, in the contract's order."""
    return {
        "id": credential.public_id,
        "person_id": credential.person_id,
        "credential_type_id": credential.credential_type_id,
        "label": credential.credential_type.label,
        "status": str(credential.state),
        "wallet_type": str(installed.wallet) if installed else None,
        "devices": installed.devices if installed else 0,
        "created_at": rfc3339(credential.created_at),
        "invited_at": rfc3339(credential.invited_at),
        "added_to_wallet_at": rfc3339(credential.added_to_wallet_at),
        "removed_from_wallet_at": rfc3339(credential.removed_from_wallet_at),
        "revoked_at": rfc3339(credential.revoked_at),
        "suspended_at": rfc3339(credential.suspended_at),
        "expires_at": rfc3339(credential.expires_at),
        "url_expires_at": rfc3339(credential.url_expires_at),
    }

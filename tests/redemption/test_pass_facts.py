"""What a pass says of itself, whichever wallet it is in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from credentials.models import Credential, Person, WalletPass
from credentials.states import PassState, State
from redemption.pass_facts import standing_of

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("credential", "pass_state", "person", "standing"),
    [
        ({}, PassState.INSTALLED, {}, "active"),
        ({}, PassState.OFFERED, {}, "active"),
        ({}, PassState.REMOVED, {}, "active"),
        ({"suspended_at": NOON}, PassState.INSTALLED, {}, "suspended"),
        ({}, PassState.INSTALLED, {"enabled": False}, "suspended"),
        ({}, PassState.INSTALLED, {"valid_to": NOON}, "suspended"),
        ({}, PassState.VOIDED, {"enabled": False}, "replaced"),
        ({"expires_at": NOON}, PassState.VOIDED, {}, "expired"),
        ({"state": State.EXPIRED}, PassState.VOIDED, {}, "expired"),
        ({"state": State.REVOKED, "expires_at": NOON}, PassState.VOIDED, {"enabled": False}, "revoked"),
    ],
)
def test_a_pass_says_first_what_is_final(
    credential: dict[str, Any], pass_state: PassState, person: dict[str, Any], standing: str
) -> None:
    held = Credential(person=Person(**person), **credential)
    assert standing_of(WalletPass(credential=held, state=pass_state), now=NOON) == standing

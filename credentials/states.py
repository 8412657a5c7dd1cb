"""The lifecycle of a credential and of its wallet passes, as data."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import TextChoices


class State(TextChoices):
    """Where a credential stands, and who acts next."""

    INVITED = "invited"  # the URL is out; the passholder acts next
    ADDED_TO_WALLET = "added_to_wallet"  # live on at least one device; nobody has to act
    REMOVED_FROM_WALLET = "removed_from_wallet"  # the holder took it out; the URL works again
    REVOKED = "revoked"  # withdrawn by the issuer; final
    EXPIRED = "expired"  # past its end date; final


class Move(TextChoices):
    """What can happen to a credential."""

    ADD = "add"  # reported by the wallet
    REMOVE = "remove"  # reported by the wallet
    REVOKE = "revoke"  # ordered by the issuer
    EXPIRE = "expire"  # reached by the clock


@dataclass(frozen=True)
class Rule:
    """From which states a move leads where, and the column that remembers when."""

    sources: tuple[State, ...]
    target: State
    stamp: str | None


_LIVE = (State.INVITED, State.ADDED_TO_WALLET, State.REMOVED_FROM_WALLET)

RULES: dict[Move, Rule] = {
    Move.ADD: Rule((State.INVITED, State.REMOVED_FROM_WALLET), State.ADDED_TO_WALLET, "added_to_wallet_at"),
    Move.REMOVE: Rule((State.ADDED_TO_WALLET,), State.REMOVED_FROM_WALLET, "removed_from_wallet_at"),
    Move.REVOKE: Rule(_LIVE, State.REVOKED, "revoked_at"),
    Move.EXPIRE: Rule(_LIVE, State.EXPIRED, None),
}

# Computed, so that they cannot disagree with the table.
LIVE = tuple(state for state in State if any(state in rule.sources for rule in RULES.values()))
FINAL = tuple(state for state in State if state not in LIVE)


class PassState(TextChoices):
    """Where one delivery of a credential into one wallet stands."""

    OFFERED = "offered"  # a file or save link is out; the wallet acts next
    INSTALLED = "installed"  # a wallet reported it; at most one per credential
    REMOVED = "removed"  # its last device reported it gone
    VOIDED = "voided"  # lost to another pass, replaced, or its credential ended; final


class Wallet(TextChoices):
    """The wallets a pass can live in."""

    APPLE = "apple"
    GOOGLE = "google"


class Evidence(TextChoices):
    """By what a pass is known to be in a wallet."""

    REGISTRATION = "registration"  # a device registered it (Apple)
    CALLBACK = "callback"  # the wallet's server said so (Google)
    RECONCILED = "reconciled"  # we asked, and the wallet's server confirmed it (Google)


def diagram() -> str:
    """The lifecycle as a Mermaid state diagram, for the README."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.INVITED}"]
    lines += [
        f"    {source} --> {rule.target}: {move}" for move, rule in RULES.items() for source in rule.sources
    ]
    lines += [f"    {state} --> [*]" for state in FINAL]
    return "\n".join(lines)

"""What the wallets' protocols need to remember."""

from __future__ import annotations

from redemption.models.apple import (
    AppleAuthenticationToken,
    AppleDevice,
    AppleIdentity,
    AppleLog,
    ApplePass,
    ApplePassType,
    AppleRegistration,
)
from redemption.models.google import (
    GoogleClass,
    GoogleIssuer,
    GoogleMessage,
    GooglePass,
    GoogleRootKeys,
)
from redemption.models.guessing import GuessingAddress

__all__ = [
    "AppleAuthenticationToken",
    "AppleDevice",
    "AppleIdentity",
    "AppleLog",
    "ApplePass",
    "ApplePassType",
    "AppleRegistration",
    "GoogleClass",
    "GoogleIssuer",
    "GoogleMessage",
    "GooglePass",
    "GoogleRootKeys",
    "GuessingAddress",
]

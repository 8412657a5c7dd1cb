"""The wallets' side in the admin; Django finds the pages by importing this package."""

from __future__ import annotations

from redemption.admin import apple, google, google_passes, guessing

__all__ = ["apple", "google", "google_passes", "guessing"]

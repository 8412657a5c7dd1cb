"""Counters that no other test has counted on."""

from __future__ import annotations

import uuid

from pytest_django import Settings

from redemption import suspicion


def begin_anew(settings: Settings) -> None:
    """Nobody has used anything of any limit, and nobody was suspected of anything."""
    suspicion._asked.clear()
    settings.CACHES = {"default": {**settings.CACHES["default"], "KEY_PREFIX": str(uuid.uuid4())}}

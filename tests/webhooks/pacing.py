"""Replays at a pace of the test's own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from webhooks import replays


def pace(monkeypatch: pytest.MonkeyPatch, deliveries: int) -> None:
    """Lets so many wait at once, and looks again at once."""
    monkeypatch.setattr(replays, "SLOWEST", deliveries)
    monkeypatch.setattr(replays, "FASTEST", deliveries)
    monkeypatch.setattr(replays, "BETWEEN_LOOKS", timedelta())

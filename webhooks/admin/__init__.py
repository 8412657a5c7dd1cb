"""Endpoints, what is delivered and replayed to them; orders go through the verbs."""

from __future__ import annotations

from webhooks.admin import deliveries, endpoints, replays

__all__ = ["deliveries", "endpoints", "replays"]

"""Endpoints, what is delivered to them, and every attempt; orders go through the verbs."""

from __future__ import annotations

from webhooks.admin import deliveries, endpoints

__all__ = ["deliveries", "endpoints"]

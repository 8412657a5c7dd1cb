"""The project: it wires the apps together and knows how they run."""

from __future__ import annotations

from passflow.celery import app as celery_app

__all__ = ["celery_app"]

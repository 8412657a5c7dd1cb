"""The Celery application; its tasks are doorbells and sweeps, never the truth."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "passflow.settings")

app = Celery("passflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

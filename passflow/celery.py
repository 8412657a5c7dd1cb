"""The Celery application; its tasks are doorbells and sweeps, never the truth."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "passflow.settings")

app = Celery("passflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Workers keep no queues to talk to each other by, here and by the options in `make worker`: kombu trips over
# them when Redis goes away, and the worker is left hanging, neither at work nor at an end.
app.conf.worker_enable_remote_control = False

"""The site as production runs it, with the bare view of the benchmark in it."""

from __future__ import annotations

import os

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "passflow.settings")
settings.ROOT_URLCONF = "tests.benchmarks.page_stage"

from passflow.wsgi import application  # noqa: E402 - the urls have to be named first

__all__ = ["application"]

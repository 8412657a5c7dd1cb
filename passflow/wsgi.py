"""The WSGI entry point; without Redis it also runs the background work in a thread."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from passflow import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "passflow.settings")

application = get_wsgi_application()

if settings.EMBEDDED:
    embedded.start()

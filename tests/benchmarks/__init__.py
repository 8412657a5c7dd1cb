"""How fast it is, beside what it stands on; `make bench` runs each file by itself, without pytest."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "passflow.settings")
django.setup()

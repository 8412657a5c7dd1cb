"""Arabic: Django knows its dates and its times, but not the two together."""

from __future__ import annotations

DATETIME_FORMAT = "j F Y، g:i A"

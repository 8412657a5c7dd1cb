"""Italian: a day has no leading zero, and a sentence names no weekday."""

from __future__ import annotations

DATE_FORMAT = "j F Y"
DATETIME_FORMAT = "j F Y H:i"

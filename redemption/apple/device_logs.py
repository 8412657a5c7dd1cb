"""What devices report over the log endpoint: anybody's words, so few, short and clean ones are kept."""

from __future__ import annotations

import logging
import re

from redemption.models import AppleLog

logger = logging.getLogger(__name__)

MOST_LINES = 50
LONGEST_LINE = 500
# Serials, device ids, tokens of every kind: none of them belongs into a log.
_IDENTIFIERS = re.compile(r"[A-Za-z0-9_-]{24,}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def keep(lines: object) -> int:
    """Keeps what is usable of a device's `logs`; how many lines that were."""
    if not isinstance(lines, list):
        return 0
    clean = [_clean(line) for line in lines[:MOST_LINES] if isinstance(line, str)]
    AppleLog.objects.bulk_create([AppleLog(message=line) for line in clean if line])
    for line in clean:
        logger.info("device log: %s", line)
    return len(clean)


def _clean(line: str) -> str:
    # Cut first, so that a line of megabytes costs nothing; and again, as what replaces may be longer.
    shortened = line[: LONGEST_LINE * 2].encode("utf-8", "replace").decode()
    return _IDENTIFIERS.sub("…", _CONTROLS.sub(" ", shortened))[:LONGEST_LINE].strip()

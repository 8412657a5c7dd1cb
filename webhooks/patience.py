"""Waits for a database that is away for a moment, as it is while it restarts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

# Seconds for which it is waited for; the leases hold longer.
PATIENCE = 30.0
PAUSE = 0.5

Answer = TypeVar("Answer")


def patiently(ask: Callable[[], Answer]) -> Answer:
    """Asks again while the database is away; what is asked must be one transaction, or harmless to repeat."""
    gives_up = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block or time.monotonic() >= gives_up:
                raise
            logger.warning("the database does not answer (%s); asking again", type(error).__name__)
            connection.close_if_unusable_or_obsolete()
            time.sleep(PAUSE)

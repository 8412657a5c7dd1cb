"""Several callers in the same moment, each in a thread with a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from django.db import connection


def at_once(jobs: Sequence[Callable[[], object]]) -> list[object]:
    """What each job returned, or raised, in their order."""
    everybody = threading.Barrier(len(jobs))

    def run(job: Callable[[], object]) -> object:
        everybody.wait(timeout=10)
        try:
            return job()
        except Exception as error:  # noqa: BLE001 - the test looks at what was raised
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(run, jobs))

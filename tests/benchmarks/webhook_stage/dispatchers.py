"""Several dispatchers at once, as `make worker` has them: one for each core."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier

from django.db import connection

DISPATCHERS = 2


def seconds_for(work: Callable[[str], object]) -> float:
    """How long it takes until `work` has ended in each of the processes, which it gets the name of."""
    # A process of its own must not speak through this one's connection.
    connection.close()
    fork = multiprocessing.get_context("fork")
    ready = fork.Barrier(DISPATCHERS + 1)
    processes = [fork.Process(target=_work, args=(work, str(n), ready)) for n in range(DISPATCHERS)]
    for process in processes:
        process.start()
    ready.wait()
    began = time.perf_counter()
    for process in processes:
        process.join()
    return time.perf_counter() - began


def _work(work: Callable[[str], object], name: str, ready: Barrier) -> None:
    connection.ensure_connection()
    ready.wait()
    work(name)

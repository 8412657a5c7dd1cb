"""How webhooks are often sent: one Celery task for each, with a `requests` session, in two processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import requests
from celery import Celery

from tests.benchmarks.webhook_stage.sink import Sink

QUEUE = "passflow-benchmark"
# The first are not counted: the worker is still starting.
WARM_UP = 0.2
LONGEST_SECONDS = 120

app = Celery("one_task_each", broker=os.environ.get("REDIS_URL", "memory://"))
app.conf.update(task_default_queue=QUEUE, task_ignore_result=True, broker_connection_retry_on_startup=True)
_session = requests.Session()


@app.task(name="post")
def post(url: str, body: str) -> None:
    """One delivery."""
    _session.post(url, data=body, headers={"Content-Type": "application/json"}, timeout=15)


def rate(sink: Sink, *, body: str, count: int) -> float:
    """Deliveries per second by a worker that finds all of them in its queue."""
    with app.connection_or_acquire() as connection:
        app.amqp.queues[QUEUE](connection.default_channel).purge()
    began = sink.count()
    for _ in range(count):
        post.delay(sink.url("/task"), body)
    command = [sys.executable, "-m", "celery", "--app", "tests.benchmarks.webhook_stage.one_task_each"]
    command += ["worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "ERROR"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as worker:
        try:
            warm, at = _wait(sink, began + int(count * WARM_UP))
            done, ended = _wait(sink, began + count)
        finally:
            worker.terminate()
    return (done - warm) / (ended - at)


def _wait(sink: Sink, count: int) -> tuple[int, float]:
    """What it had counted when there were so many, and when that was."""
    until = time.perf_counter() + LONGEST_SECONDS
    while (counted := sink.count()) < count:
        if time.perf_counter() > until:
            raise TimeoutError(f"{count - counted} tasks were not done in {LONGEST_SECONDS} s")
        time.sleep(0.02)
    return counted, time.perf_counter()

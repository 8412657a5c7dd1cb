"""How fast the status page is, against a view that does nothing, and with ten million credentials."""

from __future__ import annotations

import os
import shutil
import sys
from statistics import median

from tests.benchmarks.page_stage import Load, database, load, site

ROUNDS = 5
SECONDS = 4
FEW = 10_000
MANY = int(os.environ.get("BENCH_CREDENTIALS", 10_000_000))
PAGE, BARE = "/passes/TOKEN", "/passes/TOKEN/bare"


def main() -> None:
    """Print pages per second beside the bare view, and the 95th percentiles with few and with many rows."""
    server = os.environ.get("DATABASE_URL", "")
    if not (server.startswith("postgres") and os.environ.get("REDIS_URL") and shutil.which("wrk")):
        sys.stdout.write("status_page: skipped, it needs DATABASE_URL (PostgreSQL), REDIS_URL and wrk\n")
        return
    with (
        database(server, rows=FEW) as few,
        database(server, rows=MANY) as many,
        site(few) as small,
        site(many) as large,
    ):
        _measure(small, large)


def _measure(small: int, large: int) -> None:
    pages: list[Load] = []
    bares: list[Load] = []
    larges: list[Load] = []
    for port in (small, large):
        load(port, path=PAGE, urls=FEW, seconds=SECONDS)
    # In turn, so that a busy machine slows all of them alike.
    for _ in range(ROUNDS):
        pages.append(load(small, path=PAGE, urls=FEW, seconds=SECONDS))
        bares.append(load(small, path=BARE, urls=FEW, seconds=SECONDS))
        larges.append(load(large, path=PAGE, urls=MANY, seconds=SECONDS))
    ratio = median(page.rate / bare.rate for page, bare in zip(pages, bares, strict=True))
    slower = median(large.p95 / page.p95 for page, large in zip(pages, larges, strict=True))
    sys.stdout.write(
        f"status_page: {median(page.rate for page in pages):.0f} requests/s "
        f"(ratio {ratio:.2f} of bare Django view)\n"
        f"status_page_p95_{MANY}: {median(large.p95 for large in larges):.1f} ms "
        f"(ratio {slower:.2f} of {FEW} credentials)\n"
    )


if __name__ == "__main__":
    main()

"""How long a wrong URL takes to be refused: unknown, malformed and foreign tokens should not differ."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from statistics import median

from django.db import connection
from django.test import Client, override_settings

ROUNDS = 300


def main() -> None:
    """Print the median of each kind beside that of unknown tokens, on a database of its own."""
    # Every refusal would be a line on the terminal.
    logging.disable(logging.WARNING)
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0)
    try:
        with override_settings(RATE_LIMITS_ON=False):
            _measure(Client(SERVER_NAME="localhost"))
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def _measure(client: Client) -> None:
    kinds: dict[str, Callable[[int], str]] = {
        "unknown": lambda n: f"{n:026x}",
        "malformed": lambda n: f"{n:025x}",
        # Of another installation, or another secret altogether: an API key.
        "foreign": lambda n: f"pf_key_{n:036x}",
    }
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    for n in range(ROUNDS):
        # In turn, each first as often as the others, so that a busy machine slows all of them alike.
        for place in range(len(kinds)):
            kind = [*kinds][(n + place) % len(kinds)]
            taken[kind].append(_seconds(client, f"/passes/{kinds[kind](n)}"))
    unknown = median(taken["unknown"])
    for kind, seconds in taken.items():
        value = median(seconds)
        sys.stdout.write(
            f"lookups: {kind} {value * 1000:.2f} ms (ratio {value / unknown:.2f} of an unknown token)\n"
        )


def _seconds(client: Client, path: str) -> float:
    began = time.perf_counter()
    status = client.get(path).status_code
    if status != 404:
        raise RuntimeError(f"{path} answered {status}")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()

"""`python -m tests.chaos`: a run told line by line, with exit status 1 when anything was lost or wrong."""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from tests.chaos.issuers import BrokenPromise
from tests.chaos.run import Plan, run
from tests.chaos.services import Unprepared
from tests.chaos.verdict import Verdict

SHOWN = 20


def main() -> int:
    """Runs as asked; the folder with everybody's logs is kept when something was wrong."""
    plan, began = _plan(), time.monotonic()

    def say(text: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        sys.stdout.write(f"{minutes:3}:{seconds:02}  {text}\n")
        sys.stdout.flush()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    say(f"{plan.faults} faults while {plan.events:,} events are made, seed {plan.seed}")
    folder = Path(tempfile.mkdtemp(prefix="passflow-chaos-"))
    try:
        verdict = run(plan, folder, say=say)
    except Unprepared as lack:
        sys.stderr.write(f"{lack}\n")
        shutil.rmtree(folder)
        return 2
    except BrokenPromise as broken:
        say(f"given up, the logs are in {folder}: {broken}")
        return 1
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        say("interrupted; everything that was started here is ended")
        return 130
    _tell(verdict, folder)
    if not verdict.wrong:
        shutil.rmtree(folder)
    return bool(verdict.wrong)


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=100, help="how many (default: 100)")
    parser.add_argument("--events", type=int, default=20_000, help="how many (default: 20000)")
    parser.add_argument("--every", type=float, default=6, help="seconds between two faults (default: 6)")
    parser.add_argument("--seed", type=int, help="for the same faults again (default: others each time)")
    parser.add_argument(
        "--seconds", type=float, default=300, help="how long to wait after the last fault (default: 300)"
    )
    asked = parser.parse_args()
    seed = random.randrange(10_000) if asked.seed is None else asked.seed  # noqa: S311 - it is printed
    return Plan(asked.faults, asked.events, seed=seed, every=asked.every, patience=asked.seconds)


def _tell(verdict: Verdict, folder: Path) -> None:
    lines = [f"{name:>12}  {text}" for name, text in verdict.summary]
    for line in verdict.wrong[:SHOWN]:
        lines.append(f"{'WRONG':>12}  {line}")
    if verdict.wrong:
        lines.append(f"{len(verdict.wrong)} things are wrong; the logs are in {folder}")
    else:
        lines.append("Nothing was lost.")
    sys.stdout.write("\n" + "\n".join(lines) + "\n")


def _interrupt(number: int, frame: FrameType | None) -> None:
    # One interruption is enough: the tidying up must not be interrupted as well.
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.signal(again, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

"""One run: events are made while faults strike, then the faults stop and everything must arrive."""

from __future__ import annotations

import random
import sched
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.chaos import verdict
from tests.chaos.faults import dealt
from tests.chaos.issuers import Integrator, Issuer, Pace
from tests.chaos.receivers import Receiver
from tests.chaos.stage import Stage, set_up
from tests.chaos.verdict import Verdict

ISSUERS = 12
# How often is looked whether all has arrived, in seconds.
LOOK = 3.0
# How often is asked for what has failed, in seconds.
REPLAY = 20.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What is asked for.

    `every` is how many seconds lie between two faults on average, `patience` how many after the last one
    everything must have arrived in.
    """

    faults: int
    events: int
    seed: int
    every: float
    patience: float


def run(plan: Plan, folder: Path, *, say: Say) -> Verdict:
    """Sets everything up in `folder`, lets it suffer, and judges."""
    with set_up(folder, say=say) as stage:
        pace = Pace(plan.events, seconds=plan.faults * plan.every)
        issuers = [
            Issuer(stage.integrator(), stage.credential_type_id, pace, seed=f"{plan.seed} {number}")
            for number in range(ISSUERS)
        ]
        threads = [threading.Thread(target=issuer.work, daemon=True) for issuer in issuers]
        for thread in threads:
            thread.start()
        chance = random.Random(plan.seed)  # noqa: S311 - it must come again for the same seed
        struck = _strike(stage, plan, issuers, chance=chance, say=say)
        say("the faults are over")
        for thread in threads:
            thread.join()
        _ask_how_they_are(issuers)
        say(f"{pace.given:,} events are made; waiting for what has not arrived")
        _await_arrival(stage, issuers, patience=plan.patience, say=say)
        return verdict.judge(stage, issuers, struck=struck)


def _strike(
    stage: Stage, plan: Plan, issuers: list[Issuer], *, chance: random.Random, say: Say
) -> Counter[str]:
    """Every fault in its turn, and the end of each; how many there were of each kind."""
    struck: Counter[str] = Counter()
    pace, heals = issuers[0].pace, sched.scheduler(time.monotonic, time.sleep)
    due = time.monotonic()
    for kind, strike in dealt(plan.faults, chance=chance):
        due += chance.uniform(0.2, 1.8) * plan.every
        # A slow machine makes its events later: the faults wait for them, so as to strike until the last.
        while time.monotonic() < due or pace.given < plan.events * struck.total() // plan.faults:
            _ask_how_they_are(issuers)
            heals.run(blocking=False)
            time.sleep(0.05)
        fault = strike(stage, chance)
        struck[kind] += 1
        if fault.heal is not None:
            heals.enter(fault.after, 1, fault.heal)
        say(f"{struck.total():>4}/{plan.faults}  {fault.text:<62} {_progress(stage, pace)}")
    heals.run()
    return struck


def _ask_how_they_are(issuers: list[Issuer]) -> None:
    """Raises what an issuer gave up for: there is nothing to wait for any more."""
    for issuer in issuers:
        if issuer.failure is not None:
            raise issuer.failure


def _progress(stage: Stage, pace: Pace) -> str:
    arrived = sum(receiver.accepted for receiver in stage.receivers)
    return f"events {pace.given:>6,}   messages {arrived:>6,}   worker {stage.most_resident >> 20} MB"


def _await_arrival(stage: Stage, issuers: list[Issuer], *, patience: float, say: Say) -> None:
    """Until every message that was promised has been accepted, or patience ends."""
    owed = sum(len(events) for issuer in issuers for events in issuer.promised.values())
    until, replay_at = time.monotonic() + patience, time.monotonic()
    while waiting := [receiver for receiver in stage.receivers if receiver.accepted < owed]:
        if time.monotonic() > until:
            say("patience has ended")
            return
        missing = sum(owed - receiver.accepted for receiver in waiting)
        say(f"{missing:,} of {owed * len(stage.receivers):,} messages are on their way")
        if time.monotonic() >= replay_at:
            for receiver in waiting:
                _replay(receiver, stage.integrator())
            replay_at = time.monotonic() + REPLAY
        time.sleep(LOOK)
    say(f"all of {owed * len(stage.receivers):,} messages have arrived")


def _replay(receiver: Receiver, integrator: Integrator) -> None:
    """What an integrator does who does not want to wait hours for the next attempt.

    Only what was tried and failed is sent again; what no row owes, or a dead dispatcher holds, is not.
    """
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    asked = {"since": since, "only_failed": True}
    integrator.call("POST", f"/webhook_endpoints/{receiver.endpoint_id}/replay", json=asked)

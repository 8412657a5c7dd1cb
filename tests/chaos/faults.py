"""What can go wrong, each kind by its own function: it strikes at once and says how it passes."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tests.chaos import programs
from tests.chaos.programs import Program
from tests.chaos.receivers import Mood, Receiver
from tests.chaos.stage import Stage


@dataclass(frozen=True)
class Struck:
    """A fault that has come: what a spectator is told, and what ends it after so many seconds."""

    text: str
    heal: Callable[[], object] | None = None
    after: float = 0.0


Strike = Callable[[Stage, random.Random], Struck]


def dealt(faults: int, *, chance: random.Random) -> Iterator[tuple[str, Strike]]:
    """So many faults in random order, every kind as often as the others."""
    deck: list[str] = []
    for _ in range(faults):
        if not deck:
            deck = chance.sample(sorted(KINDS), len(KINDS))
        kind = deck.pop()
        yield kind, KINDS[kind]


def _kill_worker(stage: Stage, chance: random.Random) -> Struck:
    killed = len(_alive(stage.worker))
    stage.worker.kill()
    return Struck(f"the worker is killed, all {killed} processes of it")


def _kill_dispatcher(stage: Stage, chance: random.Random) -> Struck:
    """The process that speaks with receivers at this moment, or any of the worker's when none does."""
    processes = _alive(stage.worker)
    ports = {receiver.port for receiver in stage.receivers}
    busy = programs.talking_to(ports, among=processes)
    programs.kill(chance.choice(busy or processes[1:] or processes))
    return Struck(f"a process of the worker is killed{', in the midst of delivering' if busy else ''}")


def _kill_web_process(stage: Stage, chance: random.Random) -> Struck:
    processes = _alive(stage.web)
    programs.kill(chance.choice(processes[1:] or processes))
    return Struck("a web process is killed")


def _kill_web(stage: Stage, chance: random.Random) -> Struck:
    killed = len(_alive(stage.web))
    stage.web.kill()
    return Struck(f"web is killed, all {killed} processes of it")


def _stop_redis(stage: Stage, chance: random.Random) -> Struck:
    seconds = chance.uniform(1, 20)
    stage.services.redis.stop(signal.SIGKILL)
    return Struck(f"Redis is killed, for {seconds:.0f} s", stage.services.redis.start, seconds)


def _wipe_redis(stage: Stage, chance: random.Random) -> Struck:
    stage.services.redis.start()
    stage.services.wipe_redis()
    return Struck("Redis is wiped")


def _restart_postgres(stage: Stage, chance: random.Random) -> Struck:
    stage.services.restart_postgres()
    return Struck("PostgreSQL is restarted at once, all connections broken")


def _upset_receiver(stage: Stage, chance: random.Random, *, mood: Mood) -> Struck:
    receiver, seconds = chance.choice(stage.receivers), chance.uniform(2, 15)
    receiver.mood = mood
    heal = partial(_calm, receiver, mood)
    return Struck(f"receiver {receiver.name} {mood.value}, for {seconds:.0f} s", heal, seconds)


def _alive(program: Program) -> list[int]:
    """Its processes; when it has just been killed, those of its next start."""
    while not (found := program.processes()):
        time.sleep(0.1)
    return found


def _calm(receiver: Receiver, mood: Mood) -> None:
    # It may have fallen into another mood since, which lasts its own time.
    if receiver.mood == mood:
        receiver.mood = Mood.WELL


KINDS: dict[str, Strike] = {
    "worker killed": _kill_worker,
    "dispatcher killed": _kill_dispatcher,
    "web process killed": _kill_web_process,
    "web killed": _kill_web,
    "Redis stopped": _stop_redis,
    "Redis wiped": _wipe_redis,
    "PostgreSQL restarted": _restart_postgres,
    "receiver hanging": partial(_upset_receiver, mood=Mood.HANGS),
    "receiver dripping": partial(_upset_receiver, mood=Mood.DRIPS),
    "receiver flooding": partial(_upset_receiver, mood=Mood.FLOODS),
    "receiver resetting": partial(_upset_receiver, mood=Mood.RESETS),
}

"""What a device still has to do: tasks that coalesce, are put off ever longer, and are dropped in the end."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

from tests.fakes.passd_wire import Origin, Unacceptable

Run = Callable[[], None]
Delays = tuple[int, ...]

# How many levels there are was seen, how long they last was not: these seconds are ours.
DELAYS = tuple(60 * 2**level for level in range(10))
FASTER_DELAYS = tuple(10 * 2**level for level in range(7))


@dataclass(frozen=True)
class Task:
    """Something to be told to or asked of a web service; `title` is what the device's log calls it."""

    title: str
    origin: Origin
    run: Run
    delays: Delays = DELAYS
    level: int = 0
    due: float = 0


class Tasks:
    """The tasks of one device, by what they are about, on a clock that stands still until `advance()`."""

    def __init__(self, *, failed: Callable[[Task, Unacceptable], None]) -> None:
        self.now = 0.0
        self.dropped: list[str] = []
        self._failed = failed
        self._waiting: dict[Hashable, Task] = {}

    @property
    def waiting(self) -> list[str]:
        return [task.title for task in self._waiting.values()]

    def put(self, key: Hashable, task: Task) -> None:
        """Have a task done now, in the place of one about the same thing that is still waiting."""
        self._waiting.pop(key, None)
        self._waiting[key] = replace(task, due=self.now)

    def run_due(self) -> None:
        """Do what is due, in the order in which it was put, with all that follows from it."""
        while due := [key for key, task in self._waiting.items() if task.due <= self.now]:
            key, task = due[0], self._waiting.pop(due[0])
            try:
                task.run()
            except Unacceptable as failure:
                self._put_off(key, task)
                self._failed(task, failure)

    def advance(self, seconds: float) -> None:
        """Let time pass and do what falls due in it, each at its moment."""
        until = self.now + seconds
        while moments := [task.due for task in self._waiting.values() if task.due <= until]:
            self.now = max(self.now, min(moments))
            self.run_due()
        self.now = until

    def clear(self) -> None:
        self._waiting.clear()

    def _put_off(self, key: Hashable, task: Task) -> None:
        if task.level == len(task.delays):
            self.dropped.append(task.title)
            return
        due = self.now + task.delays[task.level]
        self._waiting.setdefault(key, replace(task, level=task.level + 1, due=due))

"""PassFlow's web and worker processes, as `make` runs them, kept up as an operator's supervisor does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.passflow.processes import ROOT

# Seconds between the end of a program and its next start.
REST = 1.0
PROC = Path("/proc")
ESTABLISHED = "01"


@dataclass
class Program:
    """What `make <target>` runs: a session of processes, started again when it has ended."""

    target: str
    environment: Mapping[str, str]
    log: Path
    _running: subprocess.Popen[bytes] | None = None
    _starts_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep_up(self) -> None:
        """Starts it when it does not run and has rested."""
        with self._lock:
            if self._running is not None and self._running.poll() is not None:
                self._end()
            if self._running is None and time.monotonic() >= self._starts_at:
                self._start()

    def processes(self) -> list[int]:
        """The ids of its living processes, the oldest first, without make's own."""
        leader = self._running
        return [] if leader is None else [pid for pid in _session(leader.pid) if pid != leader.pid]

    def kill(self) -> None:
        """Kills all of it at once; `keep_up` starts it again."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        """Kills whatever is left of the session, until nothing is: a process may be forking just now."""
        if self._running is None:
            return
        while alive := _session(self._running.pid):
            for pid in alive:
                kill(pid)
            time.sleep(0.01)
        self._running.wait()
        self._running, self._starts_at = None, time.monotonic() + REST

    def _start(self) -> None:
        # The environment is installed already: whoever runs this runs in it.
        make = ["make", "--silent", "--assume-old=.venv/runtime", f"bin={Path(sys.executable).parent}"]
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                [*make, self.target],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def kill(pid: int) -> None:
    """Ends a process without a word."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def resident_bytes(pid: int) -> int:
    """How much memory a process holds; nothing once it has ended."""
    with suppress(OSError, ValueError, IndexError):
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def talking_to(ports: Collection[int], *, among: Collection[int]) -> list[int]:
    """Those of the processes that hold a connection to one of these ports of loopback."""
    links = {f"socket:[{inode}]" for inode in _connections_to(ports)}
    return [pid for pid in among if not links.isdisjoint(_open_files(pid))]


def living() -> Iterator[tuple[int, int, int]]:
    """The id, the parent and the session of every process that has not ended."""
    for folder in PROC.glob("[0-9]*"):
        with suppress(OSError):
            # After the name, which may hold anything: state, parent, group, session.
            state, parent, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if state not in "ZX":
                yield int(folder.name), int(parent), int(session)


def _session(leader: int) -> list[int]:
    return sorted(pid for pid, _, session in living() if session == leader)


def _connections_to(ports: Collection[int]) -> Iterator[str]:
    for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]:
        columns = line.split()
        if columns[3] == ESTABLISHED and int(columns[2].rpartition(":")[2], 16) in ports:
            yield columns[9]


def _open_files(pid: int) -> Iterator[str]:
    # They come and go while one looks.
    with suppress(OSError):
        for entry in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                yield os.readlink(entry)

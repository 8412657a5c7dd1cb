"""A PostgreSQL and a Redis of our own, on ports of their own: no server that runs already is touched."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

PATIENCE = 60.0
DEBIAN_PROGRAMS = Path("/usr/lib/postgresql")


class Unprepared(Exception):
    """What this machine lacks."""


@dataclass
class Server:
    """A server that may be stopped and started again; `answers` raises OSError while it does not."""

    command: Sequence[str | Path]
    answers: Callable[[], object]
    log: Path
    user: str | None = None
    _running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it unless it runs, and waits until it answers."""
        if self._running is None:
            with self.log.open("ab") as log:
                self._running = subprocess.Popen(
                    self.command,
                    cwd=self.log.parent,
                    user=self.user,
                    group=self.user,
                    extra_groups=[] if self.user else None,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        until = time.monotonic() + PATIENCE
        while not self._is_ready():
            if self._running.poll() is not None or time.monotonic() > until:
                raise Unprepared(f"{self.command[0]} does not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals) -> None:
        """Stops it by this signal, if it runs."""
        if self._running is not None:
            self._running.send_signal(how)
            self._running.wait(PATIENCE)
            self._running = None

    def _is_ready(self) -> bool:
        try:
            self.answers()
        except (OSError, psycopg.OperationalError, redis.RedisError):
            return False
        return True


@dataclass(frozen=True)
class Services:
    """Both of them."""

    postgres: Server
    redis: Server
    database_url: str
    redis_url: str

    def restart_postgres(self) -> None:
        """An immediate shutdown: every connection breaks, no transaction is finished, recovery follows."""
        self.postgres.stop(signal.SIGQUIT)
        self.postgres.start()

    def wipe_redis(self) -> None:
        """Empties it while it runs."""
        with redis.Redis.from_url(self.redis_url) as broker:
            broker.flushall()

    def end(self) -> None:
        """Stops what was started here."""
        self.postgres.stop(signal.SIGQUIT)
        self.redis.stop(signal.SIGKILL)


def prepare_services(folder: Path) -> Services:
    """A new cluster and an empty Redis in `folder`, not started yet; raises `Unprepared` without programs."""
    postgres_port, redis_port = free_port(), free_port()
    database_url = f"postgres://postgres@127.0.0.1:{postgres_port}/postgres"
    redis_url = f"redis://127.0.0.1:{redis_port}/0"
    return Services(
        postgres=_postgres(folder, port=postgres_port, url=database_url),
        redis=_redis(folder, port=redis_port, url=redis_url),
        database_url=database_url,
        redis_url=redis_url,
    )


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _postgres(folder: Path, *, port: int, url: str) -> Server:
    programs, user, data = _postgres_programs(), _postgres_user(), folder / "postgres"
    data.mkdir()
    if user:
        # It refuses to run as root, and must find the way to its files.
        shutil.chown(data, user)
        folder.chmod(0o711)
    subprocess.run(
        [programs / "initdb", "--auth=trust", "--username=postgres", "--no-sync", f"--pgdata={data}"],
        cwd=data,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    # -F: what was written survives a crash of the server all the same, if not one of the machine.
    listening = ["-h", "127.0.0.1", "-p", str(port), "-k", str(data)]
    return Server(
        command=[programs / "postgres", "-D", data, *listening, "-F"],
        answers=lambda: psycopg.connect(url, connect_timeout=2).close(),
        log=folder / "postgres.log",
        user=user,
    )


def _postgres_programs() -> Path:
    installed = sorted(DEBIAN_PROGRAMS.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = str(installed[-1]) if installed else shutil.which("initdb")
    if found is None:
        raise Unprepared("PostgreSQL's programs (initdb, postgres) are not installed.")
    return Path(found).resolve().parent


def _postgres_user() -> str | None:
    if os.geteuid():
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise Unprepared("PostgreSQL does not run as root, and there is no user postgres.") from None


def _redis(folder: Path, *, port: int, url: str) -> Server:
    program = shutil.which("redis-server")
    if program is None:
        raise Unprepared("redis-server is not installed.")
    # It forgets everything whenever it is stopped.
    forgetful = ["--save", "", "--appendonly", "no"]
    listening = ["--bind", "127.0.0.1", "--port", str(port)]

    def answers() -> None:
        with redis.Redis.from_url(url, socket_timeout=1) as broker:
            broker.ping()

    return Server(
        command=[program, *listening, *forgetful, "--dir", folder],
        answers=answers,
        log=folder / "redis.log",
    )

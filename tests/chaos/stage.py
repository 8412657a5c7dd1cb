"""Everything that faults can strike: services, processes and receivers, set up and watched."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from tests.chaos import programs
from tests.chaos.issuers import Integrator
from tests.chaos.programs import Program
from tests.chaos.receivers import Receiver, listening
from tests.chaos.services import Services, Unprepared, free_port, prepare_services
from tests.passflow.processes import Installation

RECEIVERS = 3
# An account with a key and a type of credential, told as JSON.
_SETTLE = """
import django, json
django.setup()
from tests import factories
account = factories.account(slug="chaos")
kind = factories.credential_type(account)
print(json.dumps({"api_key": factories.api_key(account), "credential_type_id": kind.pk}))
"""


@dataclass
class Stage:
    """The whole installation, kept up by a thread that also looks at the worker's memory."""

    services: Services
    web: Program
    worker: Program
    receivers: list[Receiver]
    base_url: str
    api_key: str
    credential_type_id: int
    most_resident: int = 0
    samples: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def integrator(self) -> Integrator:
        """A new caller of the API."""
        return Integrator(self.base_url, self.api_key)

    def watch(self) -> None:
        """Keeps the programs up until the stage is cleared."""
        while not self._over.wait(0.25):
            self.web.keep_up()
            self.worker.keep_up()
            sizes = [programs.resident_bytes(pid) for pid in self.worker.processes()]
            self.most_resident = max(self.most_resident, *sizes, 0)
            self.samples += bool(sizes)

    def clear(self) -> None:
        """Ends the programs for good."""
        self._over.set()


@contextmanager
def set_up(folder: Path, *, say: Callable[[str], None]) -> Iterator[Stage]:
    """A stage in `folder` that works and has an endpoint for each receiver; all of it ends with the block."""
    if shutil.which("make") is None:
        raise Unprepared("make is not installed.")
    with ExitStack() as clearing:
        services = prepare_services(folder)
        clearing.callback(services.end)
        services.postgres.start()
        services.redis.start()
        receivers = [Receiver(name) for name in "ABCDEFG"[:RECEIVERS]]
        clearing.enter_context(listening(receivers))
        say("PostgreSQL, Redis and the receivers are up")
        installation, port = _installation(folder, services=services)
        facts = _settle(installation)
        environment = {**installation.environment, "PORT": str(port), "WORKERS": "4", "ADDRESS": "127.0.0.1"}
        stage = Stage(
            services=services,
            web=Program("serve", environment, folder / "web.log"),
            worker=Program("worker", environment, folder / "worker.log"),
            receivers=receivers,
            base_url=f"http://127.0.0.1:{port}",
            **facts,
        )
        clearing.enter_context(_kept_up(stage))
        for receiver in receivers:
            _subscribe(receiver, stage.integrator())
        say("web and worker are up, and an endpoint leads to each receiver")
        yield stage


def _installation(folder: Path, *, services: Services) -> tuple[Installation, int]:
    port = free_port()
    settings = {
        "DATABASE_URL": services.database_url,
        "REDIS_URL": services.redis_url,
        "SECRET_KEY": "chaos",
        "PASSFLOW_FIELD_KEYS": Fernet.generate_key().decode(),
        "PASSFLOW_BASE_URL": f"http://127.0.0.1:{port}",
        "PASSFLOW_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "PASSFLOW_RATE_LIMITS": "off",
    }
    var = folder / "var"
    var.mkdir()
    return Installation(var, settings), port


def _settle(installation: Installation) -> dict[str, Any]:
    _ran(installation, "manage.py", "migrate", "--verbosity", "0")
    facts: dict[str, Any] = json.loads(_ran(installation, "-c", _SETTLE))
    return facts


def _ran(installation: Installation, *arguments: str) -> str:
    ended = installation.run(*arguments, seconds=300)
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    return ended.stdout


@contextmanager
def _kept_up(stage: Stage) -> Iterator[None]:
    watcher = threading.Thread(target=stage.watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stage.clear()
        watcher.join()
        stage.web.kill()
        stage.worker.kill()


def _subscribe(receiver: Receiver, integrator: Integrator) -> None:
    made = integrator.call("POST", "/webhook_endpoints", json={"url": receiver.url}).json()
    receiver.secret, receiver.endpoint_id = made["secret"], made["id"]

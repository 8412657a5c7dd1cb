"""Integrators who make events over the API, a change of state each, and remember what they were promised."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

# A claim of a killed process is given up after 15 seconds; then the same key works again.
PATIENCE = 240.0
AGAIN = 0.5
EXPIRING_SHARE = 0.04
# Longer than a request may have to be repeated; then the clock's own sweep must have come by as well.
LIFETIME = timedelta(seconds=60)
RECORDED = timedelta(seconds=90)

Json = dict[str, Any]


class BrokenPromise(Exception):
    """An answer that the API must not give."""


@dataclass
class Integrator:
    """Calls the API until it answers: the same request under the same key, whatever happens meanwhile."""

    base_url: str
    api_key: str
    calls: int = 0
    repeated: int = 0

    def __post_init__(self) -> None:
        self._client = httpx.Client(
            base_url=f"{self.base_url}/api/v3",
            headers={"authorization": f"Bearer {self.api_key}"},
            timeout=20,
            trust_env=False,
        )

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The first answer that is none of the faults; raises `BrokenPromise` for any but 2xx."""
        headers = {"idempotency-key": str(uuid.uuid4())} if method == "POST" else {}
        until = time.monotonic() + PATIENCE
        self.calls += 1
        while time.monotonic() < until:
            answer = self._try(method, path, headers=headers, **options)
            if answer is not None:
                return answer
            self.repeated += 1
            time.sleep(AGAIN)
        raise BrokenPromise(f"{method} {path} was not answered in {PATIENCE:.0f} seconds")

    def _try(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """The answer, or None when the request has to be sent again."""
        try:
            answer = self._client.request(method, path, **options)
        except httpx.TransportError:
            return None
        if answer.status_code == 409 and "idempotent-replayed" in answer.headers and path.endswith("/replay"):
            # It was refused for good, because another replay is still under way; that one will do.
            return answer
        # 409: another process still works at it, or was killed over it.
        if answer.status_code >= 500 or answer.status_code == 409:
            return None
        if not answer.is_success:
            raise BrokenPromise(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer


@dataclass
class Pace:
    """Gives out the turns of `events` events, spread over `seconds`."""

    events: int
    seconds: float
    given: int = 0
    _began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def turn(self) -> bool:
        """Waits for the next turn; False when there is none left."""
        with self._lock:
            if self.given >= self.events:
                return False
            due = self._began + self.given * self.seconds / self.events
            self.given += 1
        time.sleep(max(0.0, due - time.monotonic()))
        return True

    def lasts(self, longer_than: timedelta) -> bool:
        """Whether there is so much time left."""
        return time.monotonic() + longer_than.total_seconds() < self._began + self.seconds


@dataclass
class Issuer:
    """Issues, changes and revokes credentials, one after the other; `promised` are the events of each."""

    integrator: Integrator
    credential_type_id: int
    pace: Pace
    seed: str
    promised: dict[str, list[str]] = field(default_factory=dict)
    failure: Exception | None = None

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - it must come again for the same seed

    def work(self) -> None:
        """Works until there are no more turns; whoever gives up before leaves the reason in `failure`."""
        try:
            while self.pace.turn():
                self._give_a_life()
        except Exception as error:  # noqa: BLE001 - the run raises it again
            self.failure = error

    def _give_a_life(self) -> None:
        email = f"{uuid.uuid4()}@example.org"
        person = self._post("/people", {"first_name": "Ada", "last_name": "Lovelace", "email": email})
        if self.chance.random() < EXPIRING_SHARE and self.pace.lasts(RECORDED):
            end = (datetime.now(UTC) + LIFETIME).isoformat()
            self._issue(person["id"], expires_at=end).append("credential.expired")
            return
        events = self._issue(person["id"])
        credential_id = next(reversed(self.promised))
        suspended = False
        while self.chance.random() < 0.85 and self.pace.turn():
            if self.chance.random() < 0.3:
                self._post(f"/credentials/{credential_id}/url")
                events.append("credential.url_issued")
                continue
            self._post(f"/credentials/{credential_id}/{'resume' if suspended else 'suspend'}")
            events.append("credential.resumed" if suspended else "credential.suspended")
            suspended = not suspended
        if self.chance.random() < 0.7 and self.pace.turn():
            self.integrator.call("DELETE", f"/credentials/{credential_id}")
            events.append("credential.revoked")

    def _issue(self, person_id: int, **options: Any) -> list[str]:
        asked = {"credential_type_id": self.credential_type_id, **options}
        issued = self._post(f"/people/{person_id}/credentials", asked)
        return self.promised.setdefault(issued["id"], ["credential.created"])

    def _post(self, path: str, body: Json | None = None) -> Json:
        answer: Json = self.integrator.call("POST", path, json=body).json()
        return answer


def started(work: Callable[[], None]) -> threading.Thread:
    """A thread that does this and does not outlive the program."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread

"""A fake iPhone or Watch, as far as a web service notices one: its habits, and its complaints word for word.

Its rules are those that were seen in `passd` of one generation of iOS. It speaks nothing but HTTP.
"""

from __future__ import annotations

import hashlib
import io
import secrets
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, Self

import httpx

from tests.fakes import passd_log
from tests.fakes.passd_tasks import DELAYS, FASTER_DELAYS, Delays, Run, Task, Tasks
from tests.fakes.passd_wire import InstalledPass, Latest, Origin, Unacceptable, Unreachable, Wire

LOG_TITLE = "Log task"
MOST_LOG_LINES = 50


class DeviceComplaint(Exception):
    """What a device would write into its log."""


class CheckedPass(Protocol):
    """What a device must know of a pass that was found good."""

    @property
    def pass_json(self) -> Mapping[str, Any]: ...


class PushSource(Protocol):
    """Who makes push tokens work: `tests.fakes.apns.FakeApns`."""

    def subscribe(self, token: str, phone: Callable[[str], None], /) -> None: ...

    def unsubscribe(self, token: str, /) -> None: ...


class Phone:
    """One device; `verify` reads a pass as a device would and raises ValueError for one that it would refuse.

    A strict phone raises DeviceComplaint at the end of the step that gave it cause, another only collects
    `complaints`. With `transport` it reaches an application without a server in between.
    """

    def __init__(
        self,
        name: str,
        *,
        verify: Callable[[bytes], CheckedPass],
        apns: PushSource | None = None,
        transport: httpx.BaseTransport | None = None,
        strict: bool = True,
    ) -> None:
        self.name = name
        self.strict = strict
        self.passes: dict[str, InstalledPass] = {}
        self.complaints: list[str] = []
        self.tasks = Tasks(failed=self._report_failure)
        self.watch: Phone | None = None
        self._verify, self._apns, self._transport = verify, apns, transport
        self._wire = Wire(transport)
        self._origins: dict[tuple[str, str, str], Origin] = {}
        self._muted: set[str] = set()
        self._log: dict[Origin, list[str]] = {}
        self._raised = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.watch is not None:
            self.watch.__exit__()
        self._wire.close()

    def pair_watch(self) -> Phone:
        """Give the phone a Watch: it gets every pass that is added from now on, and registers by itself."""
        name = f"{self.name}'s Watch"
        self.watch = Phone(
            name, verify=self._verify, apns=self._apns, transport=self._transport, strict=self.strict
        )
        return self.watch

    def add(self, pkpass: bytes) -> InstalledPass:
        """Add a pass, in the place of one with its serial number; raises what `verify` raises."""
        card = self._installed(self._verify(pkpass).pass_json, pkpass)
        self.passes[card.serial] = card
        self._muted.discard(card.serial)
        self._register(card)
        self._settle()
        if self.watch is not None:
            self.watch.add(pkpass)
        return card

    def remove(self, serial: str) -> None:
        """Delete a pass, from the Watch as well."""
        self._unregister(self.passes.pop(serial))
        self._settle()
        if self.watch is not None and serial in self.watch.passes:
            self.watch.remove(serial)

    def toggle_automatic_updates(self, serial: str, *, on: bool) -> None:
        """Turn the switch on the back of a pass."""
        if on:
            self._muted.discard(serial)
            self._register(self.passes[serial])
        else:
            self._unregister(self.passes[serial])
            self._muted.add(serial)
        self._settle()

    def receive_push(self, token: str) -> None:
        """Hear from Apple that something changed among the passes behind a push token."""
        for origin in self._origins.values():
            if origin.push_token == token:
                self._ask_what_changed(origin, pushed=True)
        self._settle()

    def pull_to_refresh(self, serial: str) -> None:
        """Fetch one pass because its holder asks for it."""
        self._fetch(self.passes[serial], requested=False)
        self._settle()

    def change_push_token(self) -> None:
        """Get other push tokens from Apple, and register every pass again."""
        for origin in self._origins.values():
            self._stop_listening(origin)
            origin.push_token = secrets.token_hex(32)
            self._listen(origin)
        for card in self._registered():
            self._register(card)
        self._settle()

    def reboot(self) -> None:
        """Start again: what was still to be done still is, and every web service is asked what changed."""
        for origin in dict.fromkeys(card.origin for card in self._registered()):
            self._ask_what_changed(origin, pushed=False)
        self._settle()

    def wipe(self) -> None:
        """Erase the device: Apple learns of it, the web services do not."""
        for origin in self._origins.values():
            self._stop_listening(origin)
        self._origins.clear()
        self.passes.clear()
        self.tasks.clear()

    def look(self, serial: str) -> None:
        """Send HEAD for a pass, which was reported once."""
        card = self.passes[serial]
        self._put("look", passd_log.task("Look", card), card, partial(self._wire.look, card))
        self._settle()

    def report_lifecycle(self, serial: str, *, state: str) -> None:
        """Send the undocumented `passLifecycleUpdate`."""
        card = self.passes[serial]
        run = partial(self._wire.report_lifecycle, card, state=state)
        self._put("lifecycle", passd_log.task("Lifecycle update", card), card, run, FASTER_DELAYS)
        self._settle()

    def advance(self, seconds: float) -> None:
        """Let time pass, and whatever falls due in it be done."""
        self.tasks.advance(seconds)
        self._settle()

    # --- What there is to do ------------------------------------------------------------------------

    def _register(self, card: InstalledPass) -> None:
        if card.is_updatable:
            self._put(
                "registration", passd_log.task("Register", card), card, partial(self._send_registration, card)
            )

    def _unregister(self, card: InstalledPass) -> None:
        # Under the same name as above: that the later of the two wins is our inference.
        if card.is_updatable and card.serial not in self._muted:
            self._put(
                "registration", passd_log.task("Unregister", card), card, partial(self._wire.unregister, card)
            )

    def _fetch(self, card: InstalledPass, *, requested: bool) -> None:
        run = partial(self._send_fetch, card.serial, requested=requested)
        self._put("pass", passd_log.get_pass(card), card, run)

    def _put(self, what: str, title: str, card: InstalledPass, run: Run, delays: Delays = DELAYS) -> None:
        self.tasks.put((what, card.origin, card.serial), Task(title, card.origin, run, delays))

    def _ask_what_changed(self, origin: Origin, *, pushed: bool) -> None:
        run = partial(self._send_list, origin, pushed=pushed)
        self.tasks.put(("list", origin), Task(passd_log.get_serials(origin), origin, run))

    def _complain(self, origin: Origin, line: str) -> None:
        self.complaints.append(line)
        self._log.setdefault(origin, []).append(line)
        self._put_log(origin)

    def _put_log(self, origin: Origin) -> None:
        task = Task(LOG_TITLE, origin, partial(self._send_log, origin), FASTER_DELAYS)
        self.tasks.put(("log", origin), task)

    def _report_failure(self, task: Task, failure: Unacceptable) -> None:
        line = f"{task.title} encountered error: {failure}"
        if isinstance(failure, Unreachable) or task.title == LOG_TITLE:
            self.complaints.append(line)
        else:
            self._complain(task.origin, line)

    def _settle(self) -> None:
        """Do what is due, then speak up."""
        self.tasks.run_due()
        news, self._raised = self.complaints[self._raised :], len(self.complaints)
        if news and self.strict:
            raise DeviceComplaint("\n".join(f"{self.name}: {line}" for line in news))

    # --- Doing it -----------------------------------------------------------------------------------

    def _send_registration(self, card: InstalledPass) -> None:
        # The pass, and with it its token, may have been updated since this was put off.
        self._wire.register(self.passes.get(card.serial, card))
        self._ask_what_changed(card.origin, pushed=False)

    def _send_list(self, origin: Origin, *, pushed: bool) -> None:
        changes = self._wire.changes(origin)
        for line in passd_log.oddities_of_list(changes, origin, pushed=pushed):
            self._complain(origin, line)
        # The very first list only brings the tag: what it names has just been downloaded.
        fetches, origin.tag = pushed or bool(origin.tag), changes.tag or origin.tag
        registered = {card.serial: card for card in self._registered() if card.origin is origin}
        for serial in changes.serials:
            if serial not in registered:
                self._complain(origin, passd_log.unregistered(serial))
            elif fetches:
                self._fetch(registered[serial], requested=True)

    def _send_fetch(self, serial: str, *, requested: bool) -> None:
        if (card := self.passes.get(serial)) is None:
            return
        latest = self._wire.latest(card)
        self.passes[serial] = fresh = self._updated(card, latest)
        for line in passd_log.oddities_of_pass(
            card, fresh, latest=latest, requested=requested, now=self.tasks.now
        ):
            self._complain(card.origin, line)
        if serial not in self._muted and (fresh.origin is not card.origin or not fresh.is_updatable):
            self._unregister(card)
            self._register(fresh)

    def _send_log(self, origin: Origin) -> None:
        lines = self._log[origin]
        self._wire.log(origin, lines[:MOST_LOG_LINES])
        del lines[:MOST_LOG_LINES]
        if lines:
            self._put_log(origin)

    # --- What the device has ------------------------------------------------------------------------

    def _updated(self, card: InstalledPass, latest: Latest) -> InstalledPass:
        if latest.pkpass is None:
            return replace(card, last_modified=latest.last_modified)
        try:
            pass_json = self._verify(latest.pkpass).pass_json
        except ValueError as error:
            raise Unacceptable("Received invalid pass data") from error
        if pass_json["serialNumber"] != card.serial:
            raise Unacceptable(f"Requested serial number {card.serial}, received {pass_json['serialNumber']}")
        if pass_json["passTypeIdentifier"] != card.origin.pass_type:
            raise Unacceptable("Received invalid pass data")
        fresh = replace(self._installed(pass_json, latest.pkpass), last_modified=latest.last_modified)
        return replace(fresh, changed_at=card.changed_at) if card.is_same_as(fresh) else fresh

    def _installed(self, pass_json: Mapping[str, Any], pkpass: bytes) -> InstalledPass:
        with zipfile.ZipFile(io.BytesIO(pkpass)) as archive:
            manifest = archive.read("manifest.json")
        return InstalledPass(
            serial=pass_json["serialNumber"],
            origin=self._origin(pass_json),
            token=pass_json.get("authenticationToken", ""),
            pass_json=pass_json,
            manifest_hash=hashlib.sha256(manifest).hexdigest(),
            changed_at=self.tasks.now,
        )

    def _origin(self, pass_json: Mapping[str, Any]) -> Origin:
        key = (
            pass_json["passTypeIdentifier"],
            pass_json.get("webServiceURL", ""),
            pass_json["teamIdentifier"],
        )
        if key not in self._origins:
            self._origins[key] = Origin(*key)
            self._listen(self._origins[key])
        return self._origins[key]

    def _registered(self) -> list[InstalledPass]:
        cards = self.passes.values()
        return [card for card in cards if card.is_updatable and card.serial not in self._muted]

    def _listen(self, origin: Origin) -> None:
        if self._apns is not None:
            self._apns.subscribe(origin.push_token, self.receive_push)

    def _stop_listening(self, origin: Origin) -> None:
        if self._apns is not None:
            self._apns.unsubscribe(origin.push_token)

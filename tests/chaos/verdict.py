"""Holds what was promised, what was recorded and what was received against each other."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from tests.chaos.issuers import Integrator, Issuer, Json
from tests.chaos.receivers import Message, Receiver
from tests.chaos.stage import Stage

CARRIED = "credential."
# An answer of 300 MB that is read to its end cannot hide below this; a process at work has about 100 MB.
MEMORY_LIMIT = 256 << 20


@dataclass(frozen=True)
class Verdict:
    """What is told at the end, line by line, and what was found wrong."""

    summary: Sequence[tuple[str, str]]
    wrong: Sequence[str]


def judge(stage: Stage, issuers: Sequence[Issuer], *, struck: Counter[str]) -> Verdict:
    """Compares everything with everything, and counts."""
    promised = {name: events for issuer in issuers for name, events in issuer.promised.items()}
    records, receivers = read_records(stage.integrator()), stage.receivers
    found = {
        "lost": [line for receiver in receivers for line in losses(records, receiver)],
        "phantom": [line for receiver in receivers for line in phantoms(records, receiver)],
        "unlike their promise": list(broken_promises(records, promised)),
        "contradictory": [line for receiver in receivers for line in broken_stories(records, receiver)],
        "forged or changed": [line for receiver in receivers for line in receiver.wrong],
        "memory": list(_excess(stage)),
    }
    summary = _summary(stage, issuers, records=records, counts={kind: len(found[kind]) for kind in found})
    summary.insert(0, ("faults", ", ".join(f"{count} {kind}" for kind, count in sorted(struck.items()))))
    return Verdict(summary, [line for lines in found.values() for line in lines])


@dataclass(frozen=True)
class Records:
    """What the API shows when all is over: every event that webhooks carry, and every credential."""

    events: Mapping[str, Json]
    credentials: Mapping[str, Json]

    @cached_property
    def types_of(self) -> Mapping[str, list[str]]:
        """The types of each credential's events, in order."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for event in self.events.values():
            found[event["credential_id"]].append(event["type"])
        return found


def read_records(integrator: Integrator) -> Records:
    """Everything, page by page."""
    events = {f"msg_{event['id']}": event for event in _events(integrator)}
    return Records(
        events={name: event for name, event in events.items() if event["type"].startswith(CARRIED)},
        credentials={shown["id"]: shown for shown in _pages(integrator, "/credentials")},
    )


def losses(records: Records, receiver: Receiver) -> Iterator[str]:
    """Messages that are owed to a receiver and that it has not accepted."""
    for name, event in records.events.items():
        if not _accepted(receiver.messages.get(name)):
            yield f"{name}, {event['type']}, has not arrived at receiver {receiver.name}"


def broken_promises(records: Records, promised: Mapping[str, list[str]]) -> Iterator[str]:
    """Answers without their event, and events without an answer: each 2xx makes exactly one."""
    for credential_id in {**promised, **records.types_of}:
        recorded, wanted = records.types_of.get(credential_id, []), promised.get(credential_id, [])
        if recorded != wanted:
            yield f"credential {credential_id} was promised {wanted}, and there is {recorded}"


def phantoms(records: Records, receiver: Receiver) -> Iterator[str]:
    """Messages of events that never happened."""
    for name in receiver.messages.keys() - records.events.keys():
        yield f"{name} came to receiver {receiver.name} and nothing of it is recorded"


def broken_stories(records: Records, receiver: Receiver) -> Iterator[str]:
    """Credentials whose messages do not tell, from 1 to n, how they came to stand where they stand."""
    stories: defaultdict[str, dict[int, Json]] = defaultdict(dict)
    for name, message in receiver.messages.items():
        told = json.loads(message.body)
        if name in records.events:
            stories[told["data"]["credential"]["id"]][told["data"]["sequence"]] = told
    for credential_id, shown in records.credentials.items():
        told = [message for _, message in sorted(stories[credential_id].items())]
        if not told or sorted(stories[credential_id]) != list(range(1, len(told) + 1)):
            yield f"credential {credential_id}: receiver {receiver.name} has {sorted(stories[credential_id])}"
        elif fault := _contradiction(told, shown):
            yield f"credential {credential_id}: receiver {receiver.name} reads that {fault}"


def _summary(
    stage: Stage, issuers: Sequence[Issuer], *, records: Records, counts: Mapping[str, int]
) -> list[tuple[str, str]]:
    integrators = [issuer.integrator for issuer in issuers]
    calls, repeated = sum(one.calls for one in integrators), sum(one.repeated for one in integrators)
    promised = sum(len(events) for issuer in issuers for events in issuer.promised.values())
    messages = [message for receiver in stage.receivers for message in receiver.messages.values()]
    arrivals = sum(message.arrivals for message in messages)

    def told(*kinds: str) -> str:
        return ", ".join(f"{counts[kind]} {kind}" for kind in kinds)

    return [
        ("calls", f"{calls:,} answered, after {repeated:,} repetitions under the same key"),
        ("events", f"{promised:,} promised, {len(records.events):,} recorded"),
        ("credentials", f"{len(records.credentials):,}: {told('unlike their promise', 'contradictory')}"),
        ("owed", f"{len(records.events) * len(stage.receivers):,} messages: {told('lost', 'phantom')}"),
        (
            "came",
            f"{arrivals:,} messages, {arrivals - len(messages):,} of them again, all verified:"
            f" {told('forged or changed')}",
        ),
        ("delay", _delays(messages)),
        (
            "memory",
            f"at most {stage.most_resident >> 20} MB in a process of the worker,"
            f" of {MEMORY_LIMIT >> 20} MB allowed",
        ),
    ]


def _delays(messages: Sequence[Message]) -> str:
    """How long messages were on their way, through all the faults, from the event until one was taken."""
    delays = sorted(
        message.accepted_at - datetime.fromisoformat(json.loads(message.body)["timestamp"]).timestamp()
        for message in messages
        if message.accepted_at is not None
    )
    if not delays:
        return "nothing came"
    shares = {"half": 0.5, "90 %": 0.9, "99 %": 0.99, "all": 1.0}
    return ", ".join(
        f"{name} within {delays[math.ceil(len(delays) * share) - 1]:.1f} s" for name, share in shares.items()
    )


def _excess(stage: Stage) -> Iterator[str]:
    if not stage.samples:
        yield "the memory of the worker was never seen"
    if stage.most_resident > MEMORY_LIMIT:
        yield f"a process of the worker held {stage.most_resident >> 20} MB"


def _accepted(message: Message | None) -> bool:
    return message is not None and message.accepted_at is not None


# What must be so after an event of that type: the status, and whether it is suspended (None: as before).
_AFTER: dict[str, tuple[str, bool | None]] = {
    "credential.created": ("invited", False),
    "credential.url_issued": ("invited", None),
    "credential.suspended": ("invited", True),
    "credential.resumed": ("invited", False),
    "credential.expired": ("expired", None),
    "credential.revoked": ("revoked", None),
}


def _contradiction(told: Sequence[Json], shown: Json) -> str | None:
    """The first state that does not follow from its event, or an end that is not where it stands."""
    was_suspended = False
    for message in told:
        status, suspended = _AFTER[message["type"]]
        was_suspended = was_suspended if suspended is None else suspended
        credential = message["data"]["credential"]
        if (credential["status"], credential["suspended_at"] is not None) != (status, was_suspended):
            return f"it is {credential['status']} after {message['type']}"
    last = told[-1]["data"]["credential"]
    stands = {member: shown[member] for member in last}
    return None if last == stands else f"it ends as {last}, and it stands as {stands}"


def _events(integrator: Integrator) -> Iterator[Json]:
    after = ""
    while True:
        query = {"per_page": 100, **({"after": after} if after else {})}
        page = integrator.call("GET", "/events", params=query).json()
        yield from page["data"]
        if page["next"] is None:
            return
        after = page["next"]


def _pages(integrator: Integrator, path: str, **query: Any) -> Iterator[Json]:
    number = 1
    while True:
        page = integrator.call("GET", path, params={**query, "page": number, "per_page": 100}).json()
        yield from page
        if len(page) < 100:
            return
        number += 1

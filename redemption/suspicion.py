"""Counts what may be suspicious, and has a task report it: looking at a page writes no row.

Counters live in the cache, by credential or by the digest of a URL; networks and devices are told apart by a
keyed digest. The thresholds, and what a report does, are in `credentials/suspicion.py`.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Sequence
from functools import lru_cache, partial
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from credentials import doorbell, limits, suspicion
from credentials.event_types import EventType
from credentials.limits import Use
from credentials.models import Credential, Event
from credentials.suspicion import DEFAULTS, GUESSING, Rule, Threshold, threshold
from redemption.access import ENDED, Visit
from redemption.models import GuessingAddress
from redemption.visitors import is_automatic

logger = logging.getLogger(__name__)

TASK = "redemption.tasks.report_suspicions"
QUEUE = "suspicions"
MOST_QUEUED = 10_000
# What goes on is reported again after so many seconds, in case the first report was lost with the queue.
AGAIN_AFTER = 60

OPENED = Rule.OPENED_FROM_MANY_NETWORKS


def opening(request: HttpRequest, *, url: str) -> Use:
    """That somebody opens a URL, named by its digest: counted with the limits, before it is looked up."""
    member = _sealed(_network(_address(request)))
    return Use(OPENED, url, counts=not is_automatic(request), member=member, rate=DEFAULTS[OPENED])


def opened(visit: Visit, *, use: Use, networks: int) -> None:
    """Suspects the URL's credential when it was opened from too many networks.

    `networks` were counted in the default time; for an account with a time of its own they are counted anew.
    """
    if not use.counts or visit.standing in ENDED:
        return
    limit = threshold(visit.credential.account, OPENED)
    if limit.seconds != DEFAULTS[OPENED].seconds:
        networks = limits.check_all([use._replace(rate=limit)])[0].used
    if networks > limit.uses:
        _suspect(OPENED, str(visit.credential.pk))


def notice(rule: Rule, credential: Credential, *, member: str = "") -> None:
    """Counts one use, or a member that may be new, and suspects the credential when there are too many."""
    if limits.check_all([_use(rule, credential, member=member)])[0].exceeded:
        _suspect(rule, str(credential.pk))


def watch_removals(events: Sequence[Event]) -> None:
    """Counts, after commit, the removals among new events."""
    for event in events:
        if event.type == EventType.CREDENTIAL_REMOVED_FROM_WALLET and settings.RATE_LIMITS_ON:
            transaction.on_commit(partial(_notice_removal, event), robust=True)


def refuse_device(request: HttpRequest, *, serial_number: str) -> limits.Allowance:
    """Counts an authentication token that opened nothing, against its address and the pass that it is for."""
    rows = Credential.objects.select_related("account").order_by()
    credential = rows.filter(wallet_passes__serial_number=serial_number).first() if serial_number else None
    uses = [Use("apple_failures", _address(request))]
    uses += [_use(Rule.WRONG_AUTHENTICATION_TOKENS, credential)] if credential else []
    by_address, *by_pass = limits.check_all(uses)
    if credential and by_pass[0].exceeded:
        _suspect(Rule.WRONG_AUTHENTICATION_TOKENS, str(credential.pk))
    if by_address.exceeded:
        guess(request)
    return by_address


def guess(request: HttpRequest) -> None:
    """Notes that this address has tried so many wrong secrets that it gets no more answers for now."""
    if _suspect(GUESSING, _address(request)):
        logger.warning("guessing: %s tries secrets that do not exist", _address(request))


def report_due() -> None:
    """Reports what was suspected since the last time."""
    for entry in _queue().pop_all(QUEUE):
        rule, subject = json.loads(entry)
        if rule == GUESSING:
            _report_guessing(subject)
        elif credential := Credential.objects.filter(pk=int(subject)).first():
            suspicion.report(credential, rule=Rule(rule), now=timezone.now())


def _use(rule: Rule, credential: Credential, *, member: str = "") -> Use:
    limit = threshold(credential.account, rule)
    return Use(rule, str(credential.pk), member=_sealed(member) if member else "", rate=limit)


def _notice_removal(event: Event) -> None:
    credential = Credential.objects.select_related("account").get(events=event)
    notice(Rule.RAPID_ADD_REMOVE, credential)


def _suspect(rule: str, subject: str) -> bool:
    """Hands a suspicion to the task; false when that was done a moment ago."""
    said = limits.check_all([Use("suspicions", f"{rule} {subject}", rate=(1, AGAIN_AFTER))])[0]
    if said.used != 1:
        return False
    _queue().push(QUEUE, json.dumps([rule, subject]), most=MOST_QUEUED)
    doorbell.ring(TASK)
    return True


def _report_guessing(address: str) -> None:
    now = timezone.now()
    seen = {"last_seen_at": now, "times": F("times") + 1}
    if not GuessingAddress.objects.filter(address=address).update(**seen):
        GuessingAddress.objects.create(address=address, first_seen_at=now, last_seen_at=now)
    suspicion.report_guessing(limit=Threshold(*limits.rate("failed_lookups")), now=now)


def _network(address: str) -> str:
    """What one site has: the /24 of an IPv4 address, the /48 of an IPv6 network; else what was given."""
    try:
        found = ip_network(address)
    except ValueError:
        return address
    return str(found.supernet(new_prefix=24 if found.version == 4 else 48))


def _sealed(member: str) -> str:
    return hmac.digest(_seal(), member.encode(), "sha256").hex()[:32]


@lru_cache(maxsize=1)
def _seal() -> bytes:
    return salted_hmac("redemption.suspicion", "seal", algorithm="sha256").digest()


def _address(request: HttpRequest) -> str:
    return str(request.client_ip)  # type: ignore[attr-defined]  # set by ClientIpMiddleware


def _queue() -> Any:
    return caches["default"]

"""Counts what may be suspicious, and has a task report it: looking at a page writes no row.

A look asks Redis once, or twice: when nobody has found its URL before, when the account counts in a time of
its own, or when something odd is to be counted. Handing over what is suspected takes more, once a minute.

Counters live in the cache, by credential or by the digest of a URL; networks are told apart by a keyed
digest. The thresholds, and what a report does, are in `credentials/suspicion.py`.
"""

from __future__ import annotations

import hmac
import json
import logging
import time
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from credentials import doorbell, limits, suspicion
from credentials.event_types import EventType
from credentials.limits import NO_LIMIT, Allowance, Use
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

# What was handed to the task or had been, and in which minute, so that nobody else here need ask Redis.
_asked: dict[tuple[str, str], int] = {}

OPENED = Rule.OPENED_FROM_MANY_NETWORKS


def opening(request: HttpRequest, *, url: str) -> Use | None:
    """That somebody, and no program, opens a URL, named by its digest: counted with the limits.

    Nobody knows yet whether there is such a URL, and whoever makes URLs up must not fill the cache: the
    network only joins those by which the URL was found before.
    """
    if is_automatic(request):
        return None
    network = _sealed(_network(_address(request)))
    return Use(OPENED, url, counts=False, member=network, rate=(NO_LIMIT, DEFAULTS[OPENED].seconds))


def opened(visit: Visit, *, use: Use | None, networks: int) -> None:
    """Suspects the URL's credential when it was opened from too many networks.

    `networks` were counted in the default time; they are counted anew by the first who finds the URL, and for
    an account with a time of its own.
    """
    if use is None or visit.standing in ENDED:
        return
    limit = threshold(visit.credential.account, OPENED)
    if not networks or limit.seconds != DEFAULTS[OPENED].seconds:
        [networks] = limits.count_all([use._replace(counts=True, rate=(NO_LIMIT, limit.seconds))]).used
    if networks > limit.uses:
        _suspect(OPENED, str(visit.credential.pk))


def notice(rule: Rule, credential: Credential) -> None:
    """Counts one use, and suspects the credential when there are too many."""
    if limits.first_exceeded([_use(rule, credential)]):
        _suspect(rule, str(credential.pk))


def notice_devices(credential: Credential, *, devices: int) -> None:
    """Suspects the credential when so many devices are too many to have its pass."""
    if devices > threshold(credential.account, Rule.TOO_MANY_DEVICES).uses:
        _suspect(Rule.TOO_MANY_DEVICES, str(credential.pk))


def watch_removals(events: Sequence[Event]) -> None:
    """Counts, after commit, the removals among new events."""
    for event in events:
        if event.type == EventType.CREDENTIAL_REMOVED_FROM_WALLET and settings.RATE_LIMITS_ON:
            transaction.on_commit(partial(_notice_removal, event), robust=True)


def refuse_device(request: HttpRequest, *, serial_number: str) -> Allowance | None:
    """Counts an authentication token that opened nothing; the limit that its address exceeds, if it does.

    It is counted against the address, and then against the pass that it is for.
    """
    rows = Credential.objects.select_related("account").order_by()
    credential = rows.filter(wallet_passes__serial_number=serial_number).first() if serial_number else None
    uses = [Use("apple_failures", _address(request))]
    uses += [_use(Rule.WRONG_AUTHENTICATION_TOKENS, credential)] if credential else []
    exceeded = limits.first_exceeded(uses)
    if exceeded is None:
        return None
    if credential and exceeded.group == Rule.WRONG_AUTHENTICATION_TOKENS:
        _suspect(Rule.WRONG_AUTHENTICATION_TOKENS, str(credential.pk))
        return None
    guess(request)
    return exceeded


def guess(request: HttpRequest) -> None:
    """Notes that this address has tried so many wrong secrets that it gets no more answers for now."""
    if _suspect(GUESSING, _address(request)):
        logger.warning("guessing: %s tries secrets that do not exist", _address(request))


def report_due() -> None:
    """Reports what was suspected since the last time; what cannot be written now waits for the next."""
    # Before anything is taken off the queue that nobody could write down.
    connection.ensure_connection()
    # Once for all addresses, as it goes through every account.
    tell_accounts = cache(_tell_accounts)
    failed = []
    for entry in _queue().pop_all(QUEUE):
        try:
            _write_down(*json.loads(entry), tell_accounts=tell_accounts)
        except DatabaseError:
            logger.exception("a suspicion cannot be written down; it is tried again")
            failed.append(entry)
        except Exception:
            # One that no try will make sense of, of another version perhaps, must not come back for ever.
            logger.exception("a suspicion cannot be read; it is dropped")
    if failed:
        _queue().push(QUEUE, *failed, most=MOST_QUEUED)


def _use(rule: Rule, credential: Credential) -> Use:
    return Use(rule, str(credential.pk), rate=threshold(credential.account, rule))


def _notice_removal(event: Event) -> None:
    credential = Credential.objects.select_related("account").get(events=event)
    notice(Rule.RAPID_ADD_REMOVE, credential)


def _suspect(rule: str, subject: str) -> bool:
    """Hands a suspicion to the task; false when that was done a moment ago."""
    if _was_here_lately(rule, subject):
        return False
    [times] = limits.count_all([Use("suspicions", f"{rule} {subject}", rate=(1, AGAIN_AFTER))]).used
    if times != 1:
        return False
    _queue().push(QUEUE, json.dumps([rule, subject]), most=MOST_QUEUED)
    doorbell.ring(TASK)
    return True


def _was_here_lately(rule: str, subject: str) -> bool:
    """Whether this process has asked in this minute: each look at a URL beyond its threshold comes by."""
    minute = int(time.time()) // AGAIN_AFTER
    if _asked.get((rule, subject)) == minute:
        return True
    if len(_asked) >= MOST_QUEUED:
        _asked.clear()
    _asked[rule, subject] = minute
    return False


def _write_down(rule: str, subject: str, *, tell_accounts: Callable[[], None]) -> None:
    if rule == GUESSING:
        tell_accounts()
        now = timezone.now()
        GuessingAddress.objects.update_or_create(
            address=subject,
            defaults={"last_seen_at": now, "times": F("times") + 1},
            create_defaults={"first_seen_at": now, "last_seen_at": now},
        )
    elif credential := Credential.objects.filter(pk=int(subject)).first():
        suspicion.report(credential, rule=Rule(rule), now=timezone.now())


def _tell_accounts() -> None:
    suspicion.report_guessing(limit=Threshold(*limits.rate("failed_lookups")), now=timezone.now())


@lru_cache(maxsize=1024)
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

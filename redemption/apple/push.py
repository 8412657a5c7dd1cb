"""Pushes to the devices that are owed one: the rows say what is due, an answer says what becomes of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from credentials.errors import Unavailable
from redemption.apple.apns import Apns, PushAnswer, PushKind
from redemption.apple.identities import current_identity, private_key_pem
from redemption.apple.registrations import forget_devices
from redemption.models import AppleDevice, AppleIdentity, ApplePassType

logger = logging.getLogger(__name__)

BATCH = 500
# Two pushes to a device are at least so far apart: a phone that hears more turns automatic updates off.
QUIET_TIME = timedelta(seconds=60)
# A pusher that dies leaves its devices due again after this; longer than the quiet time between pushes,
# so that a change that comes meanwhile always brings the due time forward.
LEASE = timedelta(minutes=3)
UNREACHABLE_DELAY = timedelta(seconds=5)
APPLE_DELAY = timedelta(minutes=15)
LONGEST_DELAY = timedelta(hours=6)

# Apple wants connections kept for hours; a connection belongs to the thread that opened it.
_connections = threading.local()


def owe(pass_ids: Sequence[int], *, now: datetime, urgent: bool) -> None:
    """Sets when the devices of these passes are pushed next; one push tells of all that has changed."""
    pks = AppleDevice.objects.filter(registrations__apple_pass__in=pass_ids).values("pk")
    # Locked in one order, so that two transactions with the same devices cannot wait for each other.
    for device in AppleDevice.objects.filter(pk__in=pks).order_by("pk").select_for_update(no_key=True):
        last = None if urgent else device.pushed_at
        due = now if last is None else max(now, last + QUIET_TIME)
        if device.push_due_at is None or due < device.push_due_at:
            AppleDevice.objects.filter(pk=device.pk).update(push_due_at=due)


def push_due() -> int:
    """Pushes to every device that is due, pass type by pass type; how many were asked of Apple."""
    pushed = 0
    due = AppleDevice.objects.filter(push_due_at__lte=timezone.now())
    for pass_type in ApplePassType.objects.filter(pk__in=due.values("pass_type"), push_refused_at=None):
        while devices := _lease(pass_type):
            answers = _ask(pass_type, devices)
            for device in devices:
                _finish(device, answers[device.push_token])
            pushed += len(devices)
    return pushed


def close_connections() -> None:
    """Closes this thread's connections to Apple."""
    for connection in vars(_connections).values():
        connection.__exit__()
    vars(_connections).clear()


def _lease(pass_type: ApplePassType) -> list[AppleDevice]:
    """Takes a batch of due devices for this pusher alone, until the lease runs out."""
    now = timezone.now()
    with transaction.atomic():
        if ApplePassType.objects.filter(pk=pass_type.pk, push_refused_at__isnull=False).exists():
            return []
        due = AppleDevice.objects.filter(pass_type=pass_type, push_due_at__lte=now).order_by("push_due_at")
        devices = list(due.select_for_update(skip_locked=True, no_key=True)[:BATCH])
        AppleDevice.objects.filter(pk__in=[device.pk for device in devices]).update(
            push_due_at=now + LEASE, push_attempts=F("push_attempts") + 1
        )
    for device in devices:
        device.push_due_at, device.push_attempts = now + LEASE, device.push_attempts + 1
    return devices


def _ask(pass_type: ApplePassType, devices: Sequence[AppleDevice]) -> dict[str, PushAnswer]:
    tokens = [device.push_token for device in devices]
    try:
        connection = _connection(current_identity(pass_type))
    except Unavailable as refusal:
        return dict.fromkeys(tokens, PushAnswer(PushKind.CREDENTIAL_REFUSED, refusal.sentence))
    return connection.push_all(tokens, topic=pass_type.pass_type_identifier)


def _connection(identity: AppleIdentity) -> Apns:
    open_connections = vars(_connections)
    if identity.fingerprint not in open_connections:
        open_connections[identity.fingerprint] = Apns(
            settings.APNS_URL,
            certificate_pem=identity.certificate.encode(),
            key_pem=private_key_pem(identity),
            extra_ca=Path(settings.APNS_CA) if settings.APNS_CA else None,
        ).__enter__()
    connection: Apns = open_connections[identity.fingerprint]
    return connection


def _finish(device: AppleDevice, answer: PushAnswer) -> None:
    """What the answer means for the device; every kind of answer has its line."""
    now = timezone.now()
    match answer.kind:
        case PushKind.DELIVERED:
            _settle(device, pushed_at=now)
        case PushKind.DROP_TOKEN:
            _forget(device, registered_until=device.push_token_at)
        case PushKind.UNREGISTERED:
            _forget(device, registered_until=answer.unregistered_at or now)
        case PushKind.CREDENTIAL_REFUSED:
            _stop(device.pass_type, reason=answer.reason, now=now)
            _reschedule(device, at=now)
        case PushKind.THROTTLED | PushKind.RETRY_LATER:
            _reschedule(device, at=now + _delay(answer, attempts=device.push_attempts))
        case PushKind.BUG:
            logger.error(
                "APNs rejected a push that should not have been sent: %s %s", answer.status, answer.reason
            )
            _settle(device, pushed_at=now)


def _settle(device: AppleDevice, *, pushed_at: datetime) -> None:
    # Only while the lease is ours: a change that came meanwhile has brought the due time forward.
    ours = AppleDevice.objects.filter(pk=device.pk, push_due_at=device.push_due_at)
    if not ours.update(push_due_at=None, pushed_at=pushed_at, push_attempts=0):
        AppleDevice.objects.filter(pk=device.pk).update(pushed_at=pushed_at, push_attempts=0)


def _forget(device: AppleDevice, *, registered_until: datetime) -> None:
    """Ends what was registered with this token up to then; what was registered later stays, and is pushed."""
    current = AppleDevice.objects.filter(pk=device.pk, push_token=device.push_token)
    if current.filter(push_token_at__lte=registered_until).exists():
        forget_devices([device])
        AppleDevice.objects.filter(pk=device.pk).update(push_due_at=None)
        return
    _reschedule(device, at=timezone.now() + UNREACHABLE_DELAY)


def _stop(pass_type: ApplePassType, *, reason: str, now: datetime) -> None:
    stopped = ApplePassType.objects.filter(pk=pass_type.pk, push_refused_at=None)
    if stopped.update(push_refused_at=now, push_refusal=reason[:100]):
        logger.error("pushes for %s are stopped until a new certificate is imported: %s", pass_type, reason)


def _reschedule(device: AppleDevice, *, at: datetime) -> None:
    AppleDevice.objects.filter(pk=device.pk, push_due_at=device.push_due_at).update(push_due_at=at)


def _delay(answer: PushAnswer, *, attempts: int) -> timedelta:
    """Ever longer: from seconds when Apple could not be reached, from a quarter of an hour after a no."""
    first = UNREACHABLE_DELAY if answer.status is None else APPLE_DELAY
    return min(first * (1 << min(attempts - 1, 12)), LONGEST_DELAY)

"""Which devices have which passes: a device's word, turned into reports to the lifecycle."""

from __future__ import annotations

from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from credentials import doorbell, lifecycle
from credentials.models import WalletPass
from credentials.states import Evidence, PassState
from redemption.apple import updates
from redemption.apple.authentication import Presented
from redemption.models import AppleDevice, ApplePass, AppleRegistration

ACTOR = "apple"
PUSH = "redemption.tasks.push_due"


class Registered(NamedTuple):
    """What came of a registration, and how many devices have the pass now."""

    is_new: bool
    devices: int


def register(found: Presented, *, device_library_identifier: str, push_token: str) -> Registered:
    """A device has the pass and wants to hear of changes.

    Always an upsert: phone and watch may come within the same millisecond, and a device whose push token
    changed registers every pass again. `found` was presented under the credential's lock.
    """
    wallet_pass = found.apple_pass.wallet_pass
    # No device has an offered or a removed pass: the first one need not be looked for, nor counted.
    first = wallet_pass.state in (PassState.OFFERED, PassState.REMOVED)
    device = _upsert_device(found, device_library_identifier, push_token)
    is_new = _upsert_registration(found, device, first=first)
    devices = 1 if first else _devices(found.apple_pass.pk)
    is_outdated = first and found.apple_pass.is_outdated
    installed = lifecycle.add_to_wallet(wallet_pass, devices=devices, by=Evidence.REGISTRATION, actor=ACTOR)
    if is_new and (is_outdated or not installed):
        tell(found.apple_pass)
    return Registered(is_new, devices)


def unregister(found: Presented, *, device_library_identifier: str) -> None:
    """A device no longer wants to hear of the pass: it was removed, or its automatic updates turned off."""
    drop(
        AppleRegistration.objects.filter(
            apple_pass=found.apple_pass, device__device_library_identifier=device_library_identifier
        ).first(),
        wallet_pass=found.apple_pass.wallet_pass,
    )


def drop(registration: AppleRegistration | None, *, wallet_pass: WalletPass) -> None:
    """Forgets one registration of a held pass, and reports the pass removed when it was the last."""
    if registration is not None:
        registration.delete()
    lifecycle.remove_from_wallet(wallet_pass, devices=_devices(wallet_pass.pk), actor=ACTOR)


def forget_devices(devices: list[AppleDevice]) -> None:
    """Apple says that these devices are gone: every pass they had loses them, one transaction a pass."""
    registrations = AppleRegistration.objects.filter(device__in=devices)
    for pk, pass_id in registrations.order_by("apple_pass_id").values_list("pk", "apple_pass_id"):
        with transaction.atomic():
            held = WalletPass.objects.held().get(pk=pass_id)
            # Gone already when the device unregistered, or registered anew with another push token.
            drop(AppleRegistration.objects.filter(pk=pk).first(), wallet_pass=held)


def forget_idle_devices() -> int:
    """Deletes the devices that have no pass any more; how many there were."""
    forgotten = 0
    for pk in AppleDevice.objects.filter(registrations=None).values_list("pk", flat=True)[:1000]:
        with transaction.atomic():
            # A registration that is under way holds the row: then it is not idle.
            device = AppleDevice.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
            if device is not None and not device.registrations.exists():
                forgotten += device.delete()[0]
    return forgotten


def tell(apple_pass: ApplePass) -> None:
    """Has the pass fetched again by its devices: it lost and shall say so, or changed before they had it."""
    updates.mark(ApplePass.objects.filter(pk=apple_pass.pk), now=timezone.now())
    AppleDevice.objects.filter(registrations__apple_pass=apple_pass).update(push_due_at=timezone.now())
    doorbell.ring(PUSH)


def _upsert_device(found: Presented, device_library_identifier: str, push_token: str) -> AppleDevice:
    device = AppleDevice(
        pass_type=found.apple_pass.pass_type,
        device_library_identifier=device_library_identifier,
        push_token=push_token,
        push_token_at=timezone.now(),
    )
    AppleDevice.objects.bulk_create(
        [device],
        update_conflicts=True,
        unique_fields=["pass_type", "device_library_identifier"],
        update_fields=["push_token", "push_token_at"],
    )
    return device


def _upsert_registration(found: Presented, device: AppleDevice, *, first: bool) -> bool:
    defaults = {"generation": found.token.generation, "registered_at": timezone.now()}
    # Safe without a conflict clause: the credential's lock lets one registration of a pass in at a time.
    known = AppleRegistration.objects.filter(device=device, apple_pass=found.apple_pass)
    if not first and known.update(**defaults):
        return False
    AppleRegistration.objects.create(device=device, apple_pass=found.apple_pass, **defaults)
    return True


def _devices(pass_id: int) -> int:
    return AppleRegistration.objects.filter(apple_pass=pass_id).count()

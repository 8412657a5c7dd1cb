"""Celery's side of the wallets: doorbells without payload, and the look-ups that make them dispensable."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from redemption import refresh, suspicion
from redemption.apple import identities, push, registrations
from redemption.google import classes, patches, reconciler, root_keys, settling
from redemption.models import AppleLog, GuessingAddress

LOGS_KEPT = timedelta(days=30)


@shared_task
def push_due() -> None:
    """Tells the devices whose passes have changed."""
    push.push_due()


@shared_task
def refresh_passes() -> None:
    """Marks the passes whose design was changed, or whose person's time has begun or ended."""
    classes.make_missing()
    refresh.mark_designs()
    refresh.mark_validity(now=timezone.now())


@shared_task
def send_google() -> None:
    """Sends Google the classes and objects that have changed."""
    patches.send_due()


@shared_task
def warn_of_expiry() -> None:
    """Tells accounts whose Apple certificate is about to expire."""
    identities.warn_of_expiry()


@shared_task
def settle_google() -> None:
    """Makes true what Google's messages say."""
    settling.settle_due()


@shared_task
def reconcile_google() -> None:
    """Asks Google about passes whose messages may have been lost."""
    reconciler.reconcile_due()


@shared_task
def refresh_google_root_keys() -> None:
    """Fetches the keys that Google's messages are verified with, before they go stale."""
    root_keys.refresh_due()


@shared_task
def report_suspicions() -> None:
    """Writes down what was suspected while pages were only looked at."""
    suspicion.report_due()


@shared_task
def tidy_up() -> None:
    """Forgets devices without passes, old lines of their logs, old messages of Google's, and who guessed."""
    registrations.forget_idle_devices()
    settling.forget_old()
    AppleLog.objects.filter(received_at__lt=timezone.now() - LOGS_KEPT).delete()
    GuessingAddress.objects.filter(last_seen_at__lt=timezone.now() - LOGS_KEPT).delete()

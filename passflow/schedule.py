"""The clock of the background work: the look-ups that make every doorbell dispensable."""

from __future__ import annotations

# Task, and seconds between two runs.
LOOK_UPS = {
    "credentials.tasks.expire_due": 30,
    "credentials.tasks.send_invitations": 2,
    "credentials.tasks.import_people": 5,
    "credentials.tasks.tidy_up": 3600,
    "redemption.tasks.push_due": 1,
    "redemption.tasks.send_google": 2,
    "redemption.tasks.settle_google": 1,
    "redemption.tasks.reconcile_google": 10,
    "webhooks.tasks.deliver_due": 1,
    "webhooks.tasks.replay_due": 1,
    "webhooks.tasks.drop_old": 60,
    "webhooks.tasks.send_notices": 30,
    "redemption.tasks.refresh_passes": 30,
    "redemption.tasks.report_suspicions": 5,
    "redemption.tasks.refresh_google_root_keys": 60,
    "redemption.tasks.warn_of_expiry": 3600,
    "redemption.tasks.tidy_up": 3600,
}

"""How an attempt to deliver can end."""

from __future__ import annotations

from django.db.models import TextChoices


class Outcome(TextChoices):
    """`succeeded` ends a delivery, `gone` its endpoint; after all others it is tried again."""

    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Answered, but not with 2xx"
    GONE = "gone", "Answered 410 Gone"
    TIMED_OUT = "timed_out", "No complete answer in time"
    BROKEN = "broken", "The connection broke, or the answer was not HTTP"
    UNRESOLVED = "unresolved", "No address of the name was found"
    UNREACHABLE = "unreachable", "No connection"
    UNTRUSTED = "untrusted", "The TLS certificate is not trusted"
    REFUSED_TARGET = "refused_target", "The target is not one that webhooks may reach"
    UNSIGNED = "unsigned", "Not sent: no signing secret could be read"
    INTERNAL_ERROR = "internal_error", "A fault on this side"

"""The circuit breaker: an endpoint that keeps failing is left alone for a while, then tried with one message.

It is left alone as well when it asks for that, as receivers do to which too much comes at once. While it is
paused its deliveries stay pending and use up none of their attempts. One that succeeds after the pause opens
the endpoint again; one that fails begins the next pause.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from webhooks.models import Endpoint

# Both must be so: a burst of failures within seconds may be a restart, and two in an hour chance.
FAILURES_BEFORE_PAUSE = 5
PATIENCE = timedelta(minutes=1)
SHORTEST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=15)
# However long it asks for: a careless header must not silence an endpoint for a day.
LONGEST_ASKED = timedelta(hours=1)

WARN_AFTER = timedelta(days=1)
DISABLE_AFTER = timedelta(days=5)


def succeed(endpoint: Endpoint) -> None:
    """Sets the columns of health to those of an endpoint that works; the caller saves them."""
    endpoint.failing_since, endpoint.consecutive_failures, endpoint.paused_until = None, 0, None


def fail(endpoint: Endpoint, *, at: datetime) -> None:
    """Counts a failure of an attempt that began `at`; the caller saves it."""
    endpoint.failing_since = endpoint.failing_since or at
    endpoint.consecutive_failures += 1


def leave_alone(endpoint: Endpoint, *, asked: timedelta, now: datetime) -> None:
    """Pauses it for as long as it has `asked` for, which may be not at all. The caller saves it."""
    if asked:
        _pause(endpoint, until=now + min(asked, LONGEST_ASKED))


def pause(endpoint: Endpoint, *, now: datetime) -> None:
    """Pauses it, which has failed enough, for as long as it has been failing.

    Within the bounds above, that doubles the pause each time. The caller saves it.
    """
    if endpoint.failing_since is not None:
        length = min(max(now - endpoint.failing_since, SHORTEST_PAUSE), LONGEST_PAUSE)
        _pause(endpoint, until=now + length)


def has_failed_for(endpoint: Endpoint, span: timedelta, *, now: datetime) -> bool:
    """Whether it has failed again and again for at least `span`, without one success in between."""
    if endpoint.failing_since is None:
        return False
    return endpoint.consecutive_failures >= FAILURES_BEFORE_PAUSE and now - endpoint.failing_since >= span


def end_pause(endpoint: Endpoint, *, now: datetime) -> None:
    """Lets a message try at once."""
    if Endpoint.objects.filter(pk=endpoint.pk, paused_until__gt=now).update(paused_until=now):
        endpoint.paused_until = now


def _pause(endpoint: Endpoint, *, until: datetime) -> None:
    endpoint.paused_until = max(until, endpoint.paused_until or until)

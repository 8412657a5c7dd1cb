"""How endpoints fare: what their attempts come to, and what follows from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from credentials.errors import NotFound
from webhooks.endpoints import disable_endpoint
from webhooks.models import DisabledReason, Endpoint
from webhooks.outcomes import Outcome


class Noted(NamedTuple):
    """How one attempt ended: `at` is when it began, as the attempt's row has it."""

    at: datetime
    outcome: Outcome
    response_status: int | None


def note(outcomes: Mapping[int, Sequence[Noted]], *, failing: Collection[int], now: datetime) -> None:
    """Learns from the attempts of a batch, by endpoint's primary key and in the order in which they ended.

    `failing` names the endpoints whose `failing_since` was set when the batch was claimed: of all others,
    successes tell nothing new and cost no query. Called after the transaction that finishes the deliveries:
    it locks endpoints, and whoever disables one locks the endpoint first and its deliveries second.
    """
    gone = [pk for pk, noted in outcomes.items() if any(one.outcome == Outcome.GONE for one in noted)]
    for endpoint in Endpoint.objects.listening().filter(pk__in=gone) if gone else ():
        # Somebody may delete it in between, which serves as well.
        with suppress(NotFound):
            disable_endpoint(endpoint, actor="system", reason=DisabledReason.GONE)

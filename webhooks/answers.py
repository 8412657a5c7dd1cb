"""What people are shown of receivers' answers."""

from __future__ import annotations

from webhooks.models import Attempt
from webhooks.outcomes import Outcome


def shown(attempt: Attempt) -> str:
    """The answer as plain text: what could steer a terminal or turn its direction is replaced.

    Of a target that webhooks may not reach nothing is shown, whatever has been kept of it.
    """
    if attempt.outcome == Outcome.REFUSED_TARGET:
        return ""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\ufffd"
        for letter in attempt.response_excerpt.replace("\r\n", "\n")
    )

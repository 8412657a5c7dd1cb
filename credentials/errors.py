"""Everything that PassFlow refuses, as one tree.

Refusal
├── Invalid            a field that was sent cannot be accepted
├── NotFound           nothing here under that name, for this caller
├── Conflict           the world is not in the state that the order needs
│   ├── IllegalMove        the lifecycle has no such move from here
│   ├── AlreadyHeld        the person holds a live credential of that type
│   ├── InUse              a pass is in a wallet; the URL adds no other
│   ├── Suspended          the issuer holds the credential back for now
│   └── RequestInFlight    the same idempotency key is being worked on
├── Gone               it was here and has ended for good
├── TooManyMails       as many as are allowed have been asked for
└── Unavailable        a party that is needed cannot be reached now

Rules raise these; `api/problems.py` and `redemption/pages.py` turn them into HTTP. Nothing in here,
and nothing that raises them, knows a status code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from credentials.limits import Allowance
    from credentials.models import Credential


class Refusal(Exception):
    """The root: a sentence that the caller may read."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Invalid(Refusal):
    """`field` holds something that cannot be accepted."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class NotFound(Refusal):
    """Nothing here under that name, for this caller."""


class Conflict(Refusal):
    """The world is not in the state that the order needs."""


class IllegalMove(Conflict):
    """The lifecycle has no such move from here."""


class AlreadyHeld(Conflict):
    """The person holds a live credential of that type."""

    def __init__(self, sentence: str, *, held: Credential) -> None:
        super().__init__(sentence)
        self.held = held


class InUse(Conflict):
    """A pass is in a wallet; the URL adds no other."""


class Suspended(Conflict):
    """The issuer holds the credential back for now."""


class RequestInFlight(Conflict):
    """The same idempotency key is being worked on."""


class Gone(Refusal):
    """It was here and has ended for good."""


class TooManyMails(Refusal):
    """As many as are allowed have been asked for; `allowance` tells when there is room again."""

    def __init__(self, sentence: str, *, allowance: Allowance) -> None:
        super().__init__(sentence)
        self.allowance = allowance


class Unavailable(Refusal):
    """A party that is needed cannot be reached now."""

"""What Google does not do, as one tree, and which of Google's answers means which.

GoogleFailure
├── Unreachable        nobody answered, not in time, or not as Google does; the same may work later
├── OverQuota          too many requests; the same works later
├── NotInvited         the service account may not act for the issuer, until somebody lets it
│   └── KeyRefused         it cannot even sign in
├── Missing            Google knows nothing by this id
├── AlreadyThere       there is one by this id
└── Rejected           Google finds a fault in the request; the same will fail again

Forms of the answers: Google, "Error codes" of the Wallet API, and AIP-193 for the newer ones.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Self

from redemption.models import GoogleIssuer

LONGEST_SAID = 300
QUOTA_REASONS = frozenset(
    [
        *("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"),
        *("RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"),
    ]
)
QUOTA_WORDS = re.compile(r"quota exceeded|limit exceeded|resource has been exhausted", re.IGNORECASE)
DISABLED_REASONS = frozenset(["accessNotConfigured", "SERVICE_DISABLED"])


class GoogleFailure(Exception):
    """The root: `sentence` is for an admin; `status` and `said` are Google's own, where it answered."""

    def __init__(
        self,
        sentence: str,
        *,
        status: int | None = None,
        said: str = "",
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.said = said
        self.retry_after = retry_after


class Unreachable(GoogleFailure):
    """Nobody answered, not in time, or not as Google does; the same may work later."""


class OverQuota(GoogleFailure):
    """Too many requests; the same works later."""


class NotInvited(GoogleFailure):
    """The service account may not act for the issuer, until somebody lets it."""


class KeyRefused(NotInvited):
    """The service account cannot sign in with the key that we have, or we have none."""


class Missing(GoogleFailure):
    """Google knows nothing by this id."""


class AlreadyThere(GoogleFailure):
    """There is one by this id."""


class Rejected(GoogleFailure):
    """Google finds a fault in the request; the same will fail again."""


def failure_of(
    status: int, content: bytes, *, issuer: GoogleIssuer, retry_after: timedelta | None = None
) -> GoogleFailure:
    """What an answer of the API means that is no success."""
    error = _Error.read(content)
    answer: dict[str, Any] = {"status": status, "said": error.message, "retry_after": retry_after}
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.FORBIDDEN and error.is_about_quota):
        return OverQuota(f"Google takes no more requests for now: {error.said(status)}", **answer)
    # Without Google's form it is from something between us, whose "not found" and "forbidden" say nothing.
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or not error.is_in_form:
        return Unreachable(f"Google cannot answer for now: {error.said(status)}", **answer)
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return KeyRefused(
                f"Google refuses {issuer.service_account_email}: {error.said(status)}", **answer
            )
        case HTTPStatus.FORBIDDEN:
            return NotInvited(_who_must_let_it_in(issuer, error), **answer)
        case HTTPStatus.NOT_FOUND:
            return Missing(f"Google does not know it: {error.said(status)}", **answer)
        case HTTPStatus.CONFLICT:
            return AlreadyThere(f"Google has it already: {error.said(status)}", **answer)
        case _:
            return Rejected(f"Google refuses it: {error.said(status)}", **answer)


def refusal_of_key(answer: dict[str, Any], *, issuer: GoogleIssuer) -> KeyRefused:
    """What the token endpoint means by an error of RFC 6749, section 5.2."""
    name, described = str(answer.get("error", "")), str(answer.get("error_description", ""))
    said = f"{name}: {described}".strip(": ")[:LONGEST_SAID]
    if "short-lived" in described:
        sentence = "Google finds the time wrong that this server has. Set its clock."
    elif name == "invalid_grant":
        sentence = (
            f"Google no longer takes key {issuer.private_key_id} of {issuer.service_account_email}. "
            f"Import a new one. ({said})"
        )
    else:
        sentence = f"Google lets {issuer.service_account_email} not sign in: {said}"
    return KeyRefused(sentence, status=HTTPStatus.BAD_REQUEST, said=said)


@dataclass(frozen=True)
class _Error:
    """The `error` of an answer; one that is not in Google's form has no words."""

    message: str = ""
    reasons: frozenset[str] = frozenset()
    field: str = ""
    is_in_form: bool = False

    @classmethod
    def read(cls, content: bytes) -> Self:
        try:
            error = json.loads(content)["error"]
            message = str(error.get("message", ""))[:LONGEST_SAID]
            parts = [part for name in ("errors", "details") for part in error.get(name) or ()]
            reasons = {str(part.get("reason")) for part in parts} | {str(error.get("status"))}
            return cls(message, frozenset(reasons), _field(parts), is_in_form=True)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return cls()

    @property
    def is_about_quota(self) -> bool:
        return bool(self.reasons & QUOTA_REASONS or QUOTA_WORDS.search(self.message))

    def said(self, status: int) -> str:
        named = f" ({self.field})" if self.field and self.field not in self.message else ""
        return f"{self.message or 'no reason given'}{named} [{status}]"


def _field(parts: list[dict[str, Any]]) -> str:
    """The field that Google finds at fault: `location` in its old form, a field violation in the new."""
    violations = [each for part in parts for each in part.get("fieldViolations") or ()]
    named = [each.get("field") for each in violations] + [part.get("location") for part in parts]
    return next((str(name)[:100] for name in named if name), "")


def _who_must_let_it_in(issuer: GoogleIssuer, error: _Error) -> str:
    if error.reasons & DISABLED_REASONS:
        return (
            f"The Google Wallet API is not enabled in project {issuer.project_id}. Enable it in the Google "
            "Cloud console, under APIs & Services, and wait a few minutes."
        )
    return (
        f"Google does not let {issuer.service_account_email} act for issuer {issuer.issuer_id}. Invite this "
        "address as a user, with the access level Developer, in its Google Pay & Wallet Console. "
        f"({error.said(HTTPStatus.FORBIDDEN)})"
    )

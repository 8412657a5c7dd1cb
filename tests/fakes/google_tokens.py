"""Google's token endpoint: a signed assertion of a service account for an access token (RFC 7523)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.google_accounts import BadJwt, ServiceAccount, read_jwt
from tests.fakes.google_wire import Answer, Refused

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"
# What google-auth names, wherever it was told to go.
AUDIENCE = "https://oauth2.googleapis.com/token"
# Seconds.
LIFETIME = 3599
LONGEST_ASSERTION = 3600
CLOCK_SKEW = 300


@dataclass(frozen=True)
class Grant:
    """Whose token it is, and until when (seconds since the epoch)."""

    email: str
    scope: str
    expires_at: float


class TokenEndpoint:
    """Keeps the tokens that it gave out, and every assertion that it was shown."""

    def __init__(self, accounts: Mapping[str, ServiceAccount]) -> None:
        self.granted: dict[str, Grant] = {}
        self.given: list[str] = []
        self.assertions: list[str] = []
        self._accounts = accounts

    def answer(self, form: Mapping[str, str]) -> Answer:
        """An access token, or why there is none, in Google's words."""
        if form.get("grant_type") != GRANT:
            return _refusal("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type')}")
        self.assertions.append(form.get("assertion", ""))
        try:
            claims = read_jwt(form.get("assertion", ""), self._accounts)
        except BadJwt as error:
            return _refusal("invalid_grant", str(error))
        if fault := _first_fault(claims):
            return _refusal(*fault)
        token = f"ya29.c.{secrets.token_urlsafe(60)}"
        self.given.append(token)
        self.granted[token] = Grant(claims["iss"], claims["scope"], time.time() + LIFETIME)
        return Answer(200, {"access_token": token, "expires_in": LIFETIME, "token_type": "Bearer"})

    def caller(self, authorization: str) -> str:
        """The e-mail of whoever presents a token. Raises `Refused`."""
        scheme, _, token = authorization.partition(" ")
        grant = self.granted.get(token)
        if scheme != "Bearer" or grant is None or grant.expires_at <= time.time():
            raise Refused(401, "Invalid Credentials", reason="authError", domain="global")
        if SCOPE not in grant.scope.split():
            raise Refused(403, "Insufficient Permission", reason="insufficientPermissions", domain="global")
        return grant.email


def _first_fault(claims: Mapping[str, Any]) -> tuple[str, str] | None:
    begins, ends, now = claims.get("iat"), claims.get("exp"), time.time()
    in_time = (
        isinstance(begins, int)
        and isinstance(ends, int)
        and begins <= now + CLOCK_SKEW
        and now - CLOCK_SKEW <= ends <= begins + LONGEST_ASSERTION
    )
    rules = [
        (
            claims.get("aud") != AUDIENCE,
            "invalid_grant",
            f"Invalid JWT: Failed audience check. The right audience is {AUDIENCE}",
        ),
        (
            not in_time,
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
            "Check your iat and exp values in the JWT claim.",
        ),
        (
            not claims.get("scope"),
            "invalid_scope",
            "Invalid OAuth scope or ID token audience provided.",
        ),
    ]
    return next(((error, sentence) for broken, error, sentence in rules if broken), None)


def _refusal(error: str, description: str) -> Answer:
    return Answer(400, {"error": error, "error_description": description})

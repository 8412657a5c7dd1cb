"""Access tokens of service accounts (RFC 7523): one per issuer and process, kept until it expires."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import requests
from google.auth import credentials, transport
from google.auth.crypt import RSASigner
from google.oauth2 import service_account

from redemption.google.connections import Answer, connected, exchange, is_duration
from redemption.google.errors import OverQuota, Unreachable
from redemption.google.service_accounts import signer_of
from redemption.models import GoogleIssuer

SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"


def credentials_of(issuer: GoogleIssuer) -> IssuerCredentials:
    """What authorizes requests for this issuer. Raises `KeyRefused` when it has no key."""
    return _credentials(signer_of(issuer), issuer.service_account_email, issuer.token_uri)


class IssuerCredentials(credentials.Credentials):
    """A service account's token and nothing else.

    google-auth's own class would also ask another service of Google's, unbidden and in a thread of its
    own, from which regions the account may be used.
    """

    def __init__(self, signer: RSASigner, email: str, token_uri: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # in google-auth it says nothing of its types
        self._account = service_account.Credentials(signer, email, token_uri, scopes=[SCOPE])

    def refresh(self, request: transport.Request) -> None:
        """Gets a new token, whatever the old one is good for."""
        self._account.refresh(request)
        self.token, self.expiry = self._account.token, self._account.expiry


class TokenEndpoint(transport.Request):
    """How google-auth reaches the token endpoint: once, in our bounds, and only an answer in its form."""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **options: object,
    ) -> Answer:
        """The answer. Raises `Unreachable` or `OverQuota` where google-auth would try again and again."""
        answer = exchange(connected(requests.Session()), method, url, headers=headers, data=body)
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise OverQuota("Google gives out no more tokens for now.", retry_after=answer.retry_after)
        if not _is_in_form(answer):
            raise Unreachable(f"Google cannot give out tokens for now. [{answer.status}]")
        return answer


@lru_cache(maxsize=256)
def _credentials(signer: RSASigner, email: str, token_uri: str) -> IssuerCredentials:
    return IssuerCredentials(signer, email, token_uri)


def _is_in_form(answer: Answer) -> bool:
    """Whether it holds what RFC 6749 wants of a success (5.1) or an error (5.2)."""
    try:
        members: Any = json.loads(answer.data)
    except (ValueError, RecursionError):
        return False
    if not isinstance(members, dict) or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return False
    if answer.status == HTTPStatus.OK:
        return isinstance(members.get("access_token"), str) and is_duration(str(members.get("expires_in")))
    return isinstance(members.get("error"), str)

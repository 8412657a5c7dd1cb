"""Who calls: an integrator, by the API key in the `Authorization` header (RFC 6750)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from credentials import tokens
from credentials.api import throttling
from credentials.api.problems import CHALLENGE
from credentials.models import Account, ApiKey

# `last_used_at` tells keys that are in use from forgotten ones; to the minute is close enough.
_USE_IS_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Integrator:
    """The caller of the API: an account, through one of its keys."""

    account: Account
    api_key: ApiKey
    is_authenticated: bool = True

    @property
    def actor(self) -> str:
        """How the audit trail names the caller."""
        return f"api_key:{self.api_key.pk}"


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <API key>`."""

    def authenticate(self, request: Request) -> tuple[Integrator, ApiKey] | None:
        """The caller, who is counted; `None` without a bearer key.

        Raises `AuthenticationFailed` with one that opens nothing, `Throttled` for the one call too many.
        """
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        is_bearer = scheme.lower() == "bearer"
        api_key = _find(text.strip()) if is_bearer else None
        throttling.count_call(request, api_key=api_key)
        if not is_bearer:
            return None
        if api_key is None:
            raise AuthenticationFailed("This API key is unknown or has been revoked.")
        _note_use(api_key, now=timezone.now())
        return Integrator(api_key.account, api_key), api_key

    def authenticate_header(self, request: Request) -> str:
        """The challenge of a 401, so that Django REST framework does not make it a 403."""
        return CHALLENGE


def integrator(request: Request) -> Integrator:
    """The caller of a request that `ApiKeyAuthentication` let in."""
    return cast(Integrator, request.user)


def _find(text: str) -> ApiKey | None:
    # The checksum keeps typos and noise away from the database.
    if not tokens.is_api_key(text):
        return None
    live = ApiKey.objects.select_related("account").filter(revoked_at=None)
    return live.filter(digest=tokens.digest(text)).first()


def _note_use(api_key: ApiKey, *, now: datetime) -> None:
    if api_key.last_used_at is None or api_key.last_used_at < now - _USE_IS_NOTED_EVERY:
        ApiKey.objects.filter(pk=api_key.pk).update(last_used_at=now)

"""How often one integrator may call, and one address try keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from credentials import limits
from credentials.limits import Allowance

if TYPE_CHECKING:
    # The module of views itself loads the classes that the settings name.
    from rest_framework.views import APIView


class PerApiKey(BaseThrottle):
    """The limit `api`, for each key."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Counts this call."""
        self.allowance = _count(request, f"key:{request.auth.pk}")
        return not self.allowance.exceeded

    def wait(self) -> float:
        """Seconds until the next call is answered."""
        return self.allowance.reset_after


class MintsUrls(PerApiKey):
    """For calls that make a redemption URL, also the limit `minted_urls`, for each account."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Counts this call, and the URL if it makes one."""
        if not super().allow_request(request, view):
            return False
        if request.method == "POST":
            account = request.user.account  # type: ignore[union-attr]  # an Integrator's
            minted = limits.check("minted_urls", str(account.pk))
            if minted.exceeded:
                self.allowance = request._request.allowance = minted  # type: ignore[attr-defined]
        return not self.allowance.exceeded


def count_stranger(request: Request) -> None:
    """Counts a key that opened nothing; raises `Throttled` when its address has tried too many."""
    allowance = _count(request, _address(request))
    if allowance.exceeded:
        raise Throttled(wait=allowance.reset_after)


def _count(request: Request, key: str) -> Allowance:
    allowance = limits.check("api", key)
    # For the middleware of `edge.py`, which tells the caller what is left.
    request._request.allowance = allowance  # type: ignore[attr-defined]
    return allowance


def _address(request: Request) -> str:
    return f"address:{request._request.client_ip}"  # type: ignore[attr-defined]

"""How often one integrator may call, and one address try keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from credentials import limits
from credentials.models import ApiKey

if TYPE_CHECKING:
    # The module of views itself loads the classes that the settings name.
    from rest_framework.views import APIView


class MintsUrls(BaseThrottle):
    """For calls that make a redemption URL: the limit `minted_urls`, for each account."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Counts the URL, if the call makes one."""
        if request.method != "POST":
            return True
        account = request.user.account  # type: ignore[union-attr]  # an Integrator's
        self.allowance = limits.check("minted_urls", str(account.pk))
        if self.allowance.exceeded:
            request._request.allowance = self.allowance  # type: ignore[attr-defined]
        return not self.allowance.exceeded

    def wait(self) -> float:
        """Seconds until the next URL is made."""
        return self.allowance.reset_after


def count_call(request: Request, *, api_key: ApiKey | None) -> None:
    """Counts a call against the limit `api`: of its key, or without a valid one of its address.

    Raises `Throttled` when there were too many. It is asked before anything else, so that calls are counted
    which are refused for another reason, too.
    """
    address: str = request._request.client_ip  # type: ignore[attr-defined]  # set by ClientIpMiddleware
    allowance = limits.check("api", f"key:{api_key.pk}" if api_key else f"address:{address}")
    # For the middleware of `edge.py`, which tells the caller what is left.
    request._request.allowance = allowance  # type: ignore[attr-defined]
    if allowance.exceeded:
        raise Throttled(wait=allowance.reset_after)

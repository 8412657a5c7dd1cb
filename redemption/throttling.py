"""How often an address may knock at the doors that anybody can reach, and how often a URL may be used."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse

from credentials import limits, tokens
from credentials.limits import Allowance, Use

FAILED_LOOKUPS = "failed_lookups"


def excess(request: HttpRequest, token: str, *, group: str) -> Allowance | None:
    """The limit that this use of a URL exceeds, if any; asked before the database is.

    Counted by address and by the URL's digest. An address that tried too many wrong URLs gets no answer
    about right ones either.
    """
    address = _address(request)
    url = tokens.url_token_digest(token).hex()
    uses = [Use(FAILED_LOOKUPS, address, counts=False), Use(group, address), Use(f"{group}_of_url", url)]
    return next((allowance for allowance in limits.check_all(uses) if allowance.exceeded), None)


def count_failed_lookup(request: HttpRequest) -> None:
    """Notes that this address asked for something that does not exist."""
    limits.check(FAILED_LOOKUPS, _address(request))


def throttled(
    group: str, *, by: str | None = None
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """A view that answers an empty 429 beyond the limit of `group`, by address or by the path's part `by`."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def wrapped(request: HttpRequest, **parts: str) -> HttpResponse:
            allowance = limits.check(group, parts[by] if by else _address(request))
            if allowance.exceeded:
                return HttpResponse(status=429, headers=allowance.headers)
            return view(request, **parts)

        return wrapped

    return decorate


def _address(request: HttpRequest) -> str:
    return str(request.client_ip)  # type: ignore[attr-defined]  # set by ClientIpMiddleware

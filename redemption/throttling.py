"""How often an address may knock at the doors that anybody can reach, and how often a URL may be used."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from credentials import limits, tokens
from credentials.limits import Allowance, Use
from redemption import suspicion

FAILED_LOOKUPS = "failed_lookups"
POLLS = "page_polls"


def excess(request: HttpRequest, token: str, *, group: str) -> Allowance | None:
    """The limit that this use of a URL exceeds, if any; asked before the database is.

    Counted by address and by the URL's digest. An address that tried too many wrong URLs gets no answer
    about right ones either. In the same round trip the networks are counted that open the URL.
    """
    group = POLLS if _is_poll(request) else group
    address = _address(request)
    url = tokens.url_token_digest(token).hex()
    uses = [Use(FAILED_LOOKUPS, address, counts=False), Use(group, address), Use(f"{group}_of_url", url)]
    opening = suspicion.opening(request, url=url)
    used, exceeded = limits.count_all([*uses, opening] if opening else uses)
    if exceeded is None:
        request.opening = {"use": opening, "networks": used[-1]}  # type: ignore[attr-defined]
    return exceeded


def count_failed_lookup(request: HttpRequest) -> None:
    """Notes that this address asked for something that does not exist."""
    allowance = limits.check(FAILED_LOOKUPS, _address(request))
    if allowance.used >= allowance.limit and settings.RATE_LIMITS_ON:
        suspicion.guess(request)


def throttled(
    group: str, *, by: str | None = None
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """A view that answers an empty 429 beyond the limit of `group`, by address.

    With `by` it also is by this part of its path, to which the limit `group_of_by` applies.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def wrapped(request: HttpRequest, **parts: str) -> HttpResponse:
            uses = [Use(group, _address(request))]
            # The caller chooses what stands in a path, and is held by the address all the same.
            uses += [Use(f"{group}_of_{by}", parts[by])] if by else []
            if allowance := limits.first_exceeded(uses):
                return HttpResponse(status=429, headers=allowance.headers)
            return view(request, **parts)

        return wrapped

    return decorate


def _is_poll(request: HttpRequest) -> bool:
    """Whether a page that is open asks how it stands (`page.js`): thirty phones do so 600 times a minute."""
    match = request.resolver_match
    return request.method == "HEAD" and match is not None and match.url_name == "status"


def _address(request: HttpRequest) -> str:
    return str(request.client_ip)  # type: ignore[attr-defined]  # set by ClientIpMiddleware

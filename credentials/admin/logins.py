"""Logging in to the admin, so often and not more: by address, by the name tried there, and by name."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from credentials import limits
from credentials.limits import Allowance, Use

logger = logging.getLogger(__name__)


def login(request: HttpRequest) -> HttpResponse:
    """The page to log in on; 429 once there were too many tries, with its reason in the form."""
    response = admin.site.login(request)
    if allowance := _exceeded(request):
        response.status_code = 429
        for name, value in allowance.headers.items():
            response[name] = value
    return response


class LimitedLoginForm(AdminAuthenticationForm):
    """Looks at no password beyond the limits: right ones are refused as well."""

    def clean(self) -> dict[str, Any]:
        """Counts every try, before the password is looked at, so that many at once get no further."""
        name = self.cleaned_data.get("username", "")
        address: str = self.request.client_ip  # type: ignore[union-attr]  # set by ClientIpMiddleware
        # In one case: names that differ in nothing else are one and the same to who guesses.
        name = name.casefold()
        # In this order: what an address is refused does not count against a name, whose owner is elsewhere.
        uses = [
            Use("logins", address),
            Use("logins_of_user_at_address", f"{address} {name}"),
            Use("logins_of_user", name),
        ]
        allowance = limits.first_exceeded(uses)
        if allowance is None:
            return super().clean()
        self.request.exceeded = allowance  # type: ignore[union-attr]
        logger.warning("logins: too many tries from %s (%s)", address, allowance.group)
        minutes = -(-allowance.reset_after // 60)
        raise ValidationError(f"There were too many tries to log in. Try again in {minutes} min.")


def _exceeded(request: HttpRequest) -> Allowance | None:
    return getattr(request, "exceeded", None)


admin.site.login_form = LimitedLoginForm

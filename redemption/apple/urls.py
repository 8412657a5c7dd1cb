"""Apple's paths below `webServiceURL`; the `/v1` is the protocol's, not ours."""

from __future__ import annotations

from django.urls import path, register_converter

from redemption.apple import web_service


class Identifier:
    """What Apple's and our own identifiers are made of; a path with anything else leads nowhere."""

    regex = r"[A-Za-z0-9._-]{1,100}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Identifier, "identifier")

_REGISTRATIONS = "v1/devices/<identifier:device>/registrations/<identifier:pass_type>"
_PASS = "v1/passes/<identifier:pass_type>/<identifier:serial_number>"

urlpatterns = [
    path(f"{_REGISTRATIONS}/<identifier:serial_number>", web_service.registration),
    path(_REGISTRATIONS, web_service.serial_numbers),
    path(_PASS, web_service.latest_pass),
    path(f"{_PASS}/passLifecycleUpdate", web_service.lifecycle_update),
    path("v1/log", web_service.log),
]

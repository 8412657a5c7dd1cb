"""Asking the fake Google for something, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from redemption.google.errors import GoogleFailure
from redemption.google.rest import Google
from redemption.models import GoogleIssuer
from tests.fakes.google_wire import Answer

ISSUER_ID = "3388000000022000001"
CLASS = {"id": f"{ISSUER_ID}.class"}
OBJECT: dict[str, Any] = {
    "id": f"{ISSUER_ID}.object",
    "classId": CLASS["id"],
    "state": "ACTIVE",
    "cardTitle": {"defaultValue": {"language": "en", "value": "Acme Gym"}},
    "header": {"defaultValue": {"language": "en", "value": "Membership"}},
    "barcode": {"type": "QR_CODE", "value": "secret-value"},
}
HTML = "<html><title>Sorry…</title></html>"


def api_of(issuer: GoogleIssuer) -> Google:
    """Google, without waiting for turns."""
    return Google(issuer, take_turn=lambda _: None)


def failure(api: Google) -> GoogleFailure:
    """What comes of asking for an object."""
    with pytest.raises(GoogleFailure) as caught:
        api.get_object(OBJECT["id"])
    return caught.value


def error(code: int, message: str, *, reason: str = "", **more: object) -> Answer:
    """An error in the form of Google's older APIs."""
    errors = [{"message": message, "domain": "walletobjects", "reason": reason}] if reason else []
    return Answer(code, {"error": {"code": code, "message": message, "errors": errors, **more}})

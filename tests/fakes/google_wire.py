"""What passes between Google and its callers over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request as it arrived; `at` is in seconds of a clock that no test turns."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What Google says: `content` is sent as JSON, or as a page when it is text."""

    status: int = 200
    content: object = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        if isinstance(self.content, str):
            return self.content.encode()
        return json.dumps(self.content, indent=1, ensure_ascii=False).encode()

    @property
    def media_type(self) -> str:
        return "text/html" if isinstance(self.content, str) else "application/json"


class Refused(Exception):
    """An answer that is an error, in the form of Google's older APIs."""

    def __init__(self, status: int, message: str, *, reason: str, domain: str = "walletobjects") -> None:
        super().__init__(message)
        errors = [{"message": message, "domain": domain, "reason": reason}]
        self.answer = Answer(status, {"error": {"code": status, "message": message, "errors": errors}})


class Malformed(Refused):
    """A body that is not of the resource's form; said by the front of Google's APIs."""

    def __init__(self, message: str) -> None:
        super().__init__(400, message, reason="invalid", domain="global")
        error: dict[str, Any] = {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}
        self.answer = Answer(400, {"error": error})

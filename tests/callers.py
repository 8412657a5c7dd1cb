"""An integrator who calls the API with a key."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from credentials.models import Account
from tests import factories


@dataclass(frozen=True)
class Caller:
    """Speaks JSON to `/api/v3/`; an empty key is not sent."""

    key: str
    prefix: str = "/api/v3/"
    client: Client = field(default_factory=Client)

    @classmethod
    def of(cls, account: Account, *, scopes: list[str] | None = None) -> Caller:
        return cls(factories.api_key(account, scopes=scopes))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        content_type: str = "application/json",
        **headers: Any,
    ) -> Any:
        """The answer; its `.json()` reads it. `Idempotency_Key` and the like become headers."""
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key:
            named.setdefault("Authorization", f"Bearer {self.key}")
        return self.client.generic(method, self.prefix + path, sent, content_type=content_type, headers=named)

    def get(self, path: str, **headers: Any) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: Any) -> Any:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any) -> Any:
        return self.call("PUT", path, body)

    def patch(self, path: str, body: Any) -> Any:
        return self.call("PATCH", path, body)

    def delete(self, path: str) -> Any:
        return self.call("DELETE", path)

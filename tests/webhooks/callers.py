"""An integrator who calls the API with a key."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from credentials.models import Account
from tests import factories

Body = dict[str, Any]


@dataclass(frozen=True)
class Caller:
    """Speaks JSON to `/api/v3/`."""

    account: Account
    key: str
    client: Client = field(default_factory=Client)

    @classmethod
    def of(cls, account: Account, *, scopes: list[str] | None = None) -> Caller:
        return cls(account, factories.api_key(account, scopes=scopes))

    def call(self, method: str, path: str, body: Body | None = None, **headers: str) -> Any:
        """The answer; its `.json()` reads it."""
        authorization = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return self.client.generic(
            method,
            f"/api/v3/{path}",
            "" if body is None else _json(body),
            content_type="application/json",
            headers={**authorization, **{name.replace("_", "-"): value for name, value in headers.items()}},
        )

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: Body | None = None, **headers: str) -> Any:
        return self.call("POST", path, body or {}, **headers)

    def patch(self, path: str, body: Body) -> Any:
        return self.call("PATCH", path, body)

    def delete(self, path: str) -> Any:
        return self.call("DELETE", path)


def _json(body: Body) -> str:
    return json.dumps(body)

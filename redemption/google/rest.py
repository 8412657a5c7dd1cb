"""The Google Wallet API for one issuer: Generic classes and objects over REST, each request in its turn.

Facts: Google's discovery document of `walletobjects.v1`. Nothing is ever deleted there; PATCH replaces the
fields that it names, arrays as a whole, and `null` removes one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from django.conf import settings
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession

from redemption.google import quota
from redemption.google.access_tokens import TokenEndpoint, credentials_of
from redemption.google.connections import Answer, connected, exchange
from redemption.google.errors import AlreadyThere, Unreachable, failure_of, refusal_of_key
from redemption.models import GoogleIssuer

# A GenericClass or GenericObject, as Google's reference has its JSON.
Body = dict[str, Any]


class Google:
    """The API as one issuer may use it; cheap to make, and for one thread alone.

    Every method raises a `GoogleFailure`, and asks `take_turn` before it sends anything.
    """

    def __init__(self, issuer: GoogleIssuer, *, take_turn: quota.TakeTurn = quota.interactive) -> None:
        self.issuer = issuer
        self._take_turn = take_turn
        self._session = connected(
            AuthorizedSession(credentials_of(issuer), refresh_status_codes=(), auth_request=TokenEndpoint())
        )

    def insert_class(self, body: Body) -> Body:
        """The new class. Raises `AlreadyThere`."""
        return self._ask("POST", "genericClass", body=body)

    def patch_class(self, class_id: str, body: Body) -> Body:
        """The class with these fields changed. Raises `Missing`."""
        return self._ask("PATCH", "genericClass", class_id, body=body)

    def get_class(self, class_id: str) -> Body:
        """The class as Google has it. Raises `Missing`."""
        return self._ask("GET", "genericClass", class_id)

    def put_class(self, body: Body) -> Body:
        """The class as `body` has it, whether or not it was there."""
        return _put(body, insert=self.insert_class, get=self.get_class, patch=self.patch_class)

    def list_classes(self) -> Body:
        """One page of the issuer's classes, with one of them at most: enough to see who may ask."""
        return self._ask("GET", "genericClass", query={"issuerId": self.issuer.issuer_id, "maxResults": "1"})

    def insert_object(self, body: Body) -> Body:
        """The new object. Raises `AlreadyThere`."""
        return self._ask("POST", "genericObject", body=body)

    def patch_object(self, object_id: str, body: Body) -> Body:
        """The object with these fields changed. Raises `Missing`."""
        return self._ask("PATCH", "genericObject", object_id, body=body)

    def get_object(self, object_id: str) -> Body:
        """The object as Google has it, with `hasUsers`. Raises `Missing`."""
        return self._ask("GET", "genericObject", object_id)

    def put_object(self, body: Body) -> Body:
        """The object as `body` has it, whether or not it was there."""
        return _put(body, insert=self.insert_object, get=self.get_object, patch=self.patch_object)

    def _ask(
        self,
        method: str,
        resource: str,
        name: str = "",
        *,
        body: Body | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Body:
        self._take_turn(self.issuer)
        path = f"{resource}/{quote(name, safe='')}" if name else resource
        answer = self._exchange(
            method,
            f"{settings.GOOGLE_API_URL.rstrip('/')}/{path}",
            params=query,
            json=body,
        )
        if answer.status != HTTPStatus.OK:
            raise failure_of(answer.status, answer.data, issuer=self.issuer, retry_after=answer.retry_after)
        return _members(answer)

    def _exchange(self, method: str, url: str, **options: Any) -> Answer:
        try:
            answer = exchange(self._session, method, url, **options)
            if answer.status == HTTPStatus.UNAUTHORIZED:
                # A token can end before its time. google-auth's own retry leaves the first answer open.
                self._session.credentials.refresh(TokenEndpoint())
                answer = exchange(self._session, method, url, **options)
            return answer
        except RefreshError as error:
            raise refusal_of_key(error.args[1], issuer=self.issuer) from error


def _put(
    body: Body,
    *,
    insert: Callable[[Body], Body],
    get: Callable[[str], Body],
    patch: Callable[[str, Body], Body],
) -> Body:
    try:
        return insert(body)
    except AlreadyThere:
        there = get(body["id"])
    changed = _difference(there, body)
    return patch(body["id"], changed) if changed else there


def _difference(there: Body, wanted: Body) -> Body:
    """The PATCH after which `there` is as `wanted`; it merges what is nested, so what is to go is null."""
    changed: Body = {}
    for name, value in wanted.items():
        old = there.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            too_many = dict.fromkeys(old.keys() - value.keys())
            if deeper := {**too_many, **_difference(old, value)}:
                changed[name] = deeper
        elif old != value:
            changed[name] = value
    return changed


def _members(answer: Answer) -> Body:
    try:
        members = json.loads(answer.data)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        raise Unreachable("Google cannot be reached: what answers is not Google.", status=answer.status)
    return members

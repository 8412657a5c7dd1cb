"""The classes and objects that Google keeps, the rules of its REST API, and who has saved what."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.google_rules import class_faults, issuer_of, object_faults
from tests.fakes.google_schema import faults
from tests.fakes.google_wire import Answer, Malformed, Refused, Request

Resource = dict[str, Any]
SCHEMA_OF = {"genericClass": "GenericClass", "genericObject": "GenericObject"}
QUERY = {"alt", "fields", "prettyPrint", "issuerId", "classId", "maxResults", "token"}


@dataclass
class Holders:
    """Which users have an object, and what `hasUsers` says of it, which may lag behind."""

    users: set[str] = field(default_factory=set)
    shown: bool | None = None


class Resources:
    """Google's side of every issuer. `invited` holds, by issuer id, who may act for it."""

    def __init__(self) -> None:
        self.invited: dict[str, set[str]] = {}
        self.classes: dict[str, Resource] = {}
        self.objects: dict[str, Resource] = {}
        self.holders: dict[str, Holders] = {}
        self.has_users_lags = False
        self._lock = threading.RLock()

    # --- REST ---------------------------------------------------------------------------------------

    def answer(self, request: Request, *, path: str, caller: str) -> Answer:
        """Does what a request of `caller` asks, if Google would. Raises `Refused`."""
        kind, _, rest = path.partition("/")
        identifier, _, verb = rest.partition("/")
        if kind not in SCHEMA_OF or unknown_query(request):
            raise Refused(404, "Not Found", reason="notFound", domain="global")
        method = {
            ("POST", False, ""): self._insert,
            ("GET", False, ""): self._list,
            ("GET", True, ""): self._get,
            ("PUT", True, ""): self._put,
            ("PATCH", True, ""): self._patch,
            ("POST", True, "addMessage"): self._add_message,
        }.get((request.method, bool(identifier), verb))
        if method is None:
            raise Refused(404, "Not Found", reason="notFound", domain="global")
        with self._lock:
            return method(Call(kind, identifier, request, caller))

    def _insert(self, call: Call) -> Answer:
        body = self._body(call)
        self._authorize(call, body.get("id"))
        if body["id"] in self._all(call):
            what = "class" if call.is_class else "object"
            message = f"A {what} with id {body['id']} already exists"
            raise Refused(409, message, reason="alreadyExists")
        return self._store(call, _without_nulls(body))

    def _get(self, call: Call) -> Answer:
        return self._shown(call, self._found(call))

    def _put(self, call: Call) -> Answer:
        self._found(call)
        body = self._body(call)
        if body.setdefault("id", call.identifier) != call.identifier:
            raise Refused(400, "The id in the body is another than in the path.", reason="invalidResource")
        return self._store(call, _without_nulls(body))

    def _patch(self, call: Call) -> Answer:
        merged = _merged(self._found(call), self._body(call))
        if merged["id"] != call.identifier:
            raise Refused(400, "The id of a resource cannot be changed.", reason="invalidResource")
        return self._store(call, merged)

    def _add_message(self, call: Call) -> Answer:
        found = self._found(call)
        body = call.json()
        if not isinstance(body, dict) or set(body) != {"message"}:
            raise Malformed("Invalid JSON payload received.")
        for fault in faults(body["message"], "Message", at="message"):
            raise Malformed(fault)
        stored = self._store(call, found | {"messages": [*found.get("messages", []), body["message"]]})
        return Answer(200, {"resource": stored.content})

    def _list(self, call: Call) -> Answer:
        name = "issuerId" if call.is_class else "classId"
        wanted = call.request.query.get(name, "")
        self._authorize(call, wanted if "." in wanted else f"{wanted}.any")
        found = [
            self._with_users(call, resource)
            for resource in self._all(call).values()
            if wanted in (issuer_of(resource["id"]), resource.get("classId"))
        ]
        return Answer(200, {"resources": found, "pagination": {"resultsPerPage": len(found)}})

    def _body(self, call: Call) -> Resource:
        """The JSON that was sent, if it is of the resource's form."""
        if call.request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise Malformed("Invalid JSON payload received. Unknown content type.")
        body = call.json()
        for fault in faults(body, SCHEMA_OF[call.kind]):
            raise Malformed(fault)
        # The platform sets it, whatever the caller says.
        return {name: value for name, value in body.items() if name != "hasUsers"}

    def _found(self, call: Call) -> Resource:
        self._authorize(call, call.identifier)
        found = self._all(call).get(call.identifier)
        if found is None:
            what, reason = ("Class", "classNotFound") if call.is_class else ("Resource", "resourceNotFound")
            raise Refused(404, f"{what} {call.identifier} not found.", reason=reason)
        return found

    def _authorize(self, call: Call, identifier: object) -> None:
        issuer = issuer_of(identifier)
        if not issuer:
            raise Refused(400, f"Invalid resource ID {identifier}.", reason="invalidResource")
        if call.caller not in self.invited.get(issuer, set()):
            raise Refused(403, "Permission denied.", reason="permissionDenied")

    def _store(self, call: Call, resource: Resource) -> Answer:
        """Keeps a resource if it is good as a whole."""
        if not call.is_class:
            self._check_class(call, resource)
        for fault in class_faults(resource) if call.is_class else object_faults(resource):
            raise Refused(400, fault, reason="invalidResource")
        self._all(call)[resource["id"]] = resource
        return self._shown(call, resource)

    def _check_class(self, call: Call, resource: Resource) -> None:
        class_id = resource.get("classId")
        if issuer_of(class_id) != issuer_of(resource["id"]):
            raise Refused(400, f"Invalid classId {class_id}.", reason="invalidResource")
        if class_id not in self.classes:
            raise Refused(404, f"Class {class_id} not found.", reason="classNotFound")

    def _shown(self, call: Call, resource: Resource) -> Answer:
        shown = self._with_users(call, resource)
        if fields := call.request.query.get("fields"):
            shown = {name: value for name, value in shown.items() if name in fields.split(",")}
        return Answer(200, shown)

    def _with_users(self, call: Call, resource: Resource) -> Resource:
        shown = None if call.is_class else self._holders(resource["id"]).shown
        return resource if shown is None else resource | {"hasUsers": shown}

    def _all(self, call: Call) -> dict[str, Resource]:
        return self.classes if call.is_class else self.objects

    # --- Who has it ---------------------------------------------------------------------------------

    def save(self, object_id: str, *, user: str) -> bool:
        """Lets a user have an object; false when they had it. Raises `Refused` when it is another's."""
        with self._lock:
            users = self._holders(object_id).users
            allowed = self.class_of(object_id).get("multipleDevicesAndHoldersAllowedStatus")
            if allowed in ("ONE_USER_ALL_DEVICES", "ONE_USER_ONE_DEVICE") and users - {user}:
                raise Refused(403, "This pass was saved by another user.", reason="alreadySaved")
            return self._change(object_id, lambda: users.add(user))

    def remove(self, object_id: str, *, user: str) -> bool:
        """Takes an object from a user; false when they did not have it."""
        with self._lock:
            return self._change(object_id, lambda: self._holders(object_id).users.discard(user))

    def catch_up(self) -> None:
        """Makes every `hasUsers` true to who has the object now."""
        with self._lock:
            for holders in self.holders.values():
                if holders.users or holders.shown is not None:
                    holders.shown = bool(holders.users)

    def class_of(self, object_id: str) -> Resource:
        """The class of an object."""
        return self.classes[self.objects[object_id]["classId"]]

    def _change(self, object_id: str, change: Callable[[], None]) -> bool:
        holders = self._holders(object_id)
        before = set(holders.users)
        change()
        if not self.has_users_lags:
            holders.shown = bool(holders.users)
        return holders.users != before

    def _holders(self, object_id: str) -> Holders:
        return self.holders.setdefault(object_id, Holders())


@dataclass(frozen=True)
class Call:
    """One call of the API: `identifier` is empty for the collection."""

    kind: str
    identifier: str
    request: Request
    caller: str

    @property
    def is_class(self) -> bool:
        return self.kind == "genericClass"

    def json(self) -> Any:
        """The body. Raises `Malformed`."""
        try:
            return self.request.json
        except ValueError as error:
            raise Malformed("Invalid JSON payload received. Unexpected token.") from error


def unknown_query(request: Request) -> set[str]:
    """The names in a query that Google does not know."""
    return set(request.query) - QUERY


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> Resource:
    """A partial update: null takes a member away, objects are merged, lists are replaced whole."""
    merged = dict(old)
    for name, value in new.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = _merged(merged.get(name, {}), value)
        else:
            merged[name] = value
    return merged


def _without_nulls(body: Mapping[str, Any]) -> Resource:
    return _merged({}, body)

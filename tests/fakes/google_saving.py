"""Google's page behind a save link: shows the card to whoever is logged in, and saves it on their word."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from http.cookies import SimpleCookie
from typing import Any

from tests.fakes.google_accounts import BadJwt, ServiceAccount, read_jwt
from tests.fakes.google_callbacks import CallbackSender
from tests.fakes.google_resources import Resources
from tests.fakes.google_rules import issuer_of
from tests.fakes.google_wire import Answer, Refused, Request

LONGEST_JWT = 1800
# The cookie that says who is logged in.
USER = "account"


class SavePage:
    """GET shows what a link holds; POST saves it, and reports it to the issuer."""

    def __init__(
        self, accounts: Mapping[str, ServiceAccount], resources: Resources, callbacks: CallbackSender
    ) -> None:
        self.opened: list[str] = []
        self._accounts, self._resources, self._callbacks = accounts, resources, callbacks

    def answer(self, request: Request, jwt: str) -> Answer:
        """The page, or why there is none."""
        self.opened.append(jwt)
        cookies = SimpleCookie(request.headers.get("cookie", ""))
        if USER not in cookies:
            return Answer(302, "", {"Location": "https://accounts.google.com/"})
        try:
            object_ids = self._read(jwt)
            if request.method == "POST":
                for object_id in object_ids:
                    self.save(object_id, user=cookies[USER].value)
        except Refused as refusal:
            return Answer(refusal.answer.status, f"<p>Something went wrong. {refusal}</p>")
        return Answer(200, {"objects": object_ids})

    def save(self, object_id: str, *, user: str) -> None:
        """Gives an object to a user. Raises `Refused` when it is another's."""
        if self._resources.save(object_id, user=user):
            self._report("save", object_id)

    def remove(self, object_id: str, *, user: str) -> None:
        """Takes an object from a user."""
        if self._resources.remove(object_id, user=user):
            self._report("del", object_id)

    def _report(self, event_type: str, object_id: str) -> None:
        klass = self._resources.class_of(object_id)
        if url := klass.get("callbackOptions", {}).get("url"):
            self._callbacks.queue(event_type, object_id=object_id, class_id=klass["id"], url=url)

    def _read(self, jwt: str) -> list[str]:
        """The objects that a link holds. Raises `Refused`."""
        try:
            claims = read_jwt(jwt, self._accounts)
        except BadJwt as error:
            raise Refused(400, str(error), reason="invalidJwt") from error
        for fault in self._faults(jwt, claims):
            raise Refused(400, fault, reason="invalidJwt")
        return [one["id"] for one in claims["payload"]["genericObjects"]]

    def _faults(self, jwt: str, claims: Mapping[str, Any]) -> Iterator[str]:
        if len(jwt) > LONGEST_JWT:
            yield f"A JWT of {len(jwt)} characters does not fit into every address bar."
        if (claims.get("aud"), claims.get("typ")) != ("google", "savetowallet"):
            yield "aud must be google and typ savetowallet."
        issued = claims.get("iat")
        if type(issued) is not int or issued > time.time() + 300:
            yield f"iat must be an integer in the past, not {issued!r}."
        objects = claims.get("payload", {}).get("genericObjects", [])
        if not objects:
            yield "The payload holds no object."
        for one in objects:
            yield from self._faults_of_object(one, email=claims["iss"])

    def _faults_of_object(self, one: Mapping[str, Any], *, email: str) -> Iterator[str]:
        if not set(one) <= {"id", "classId"}:
            yield "This fake takes skinny links only: what the object is must be said by REST."
        known = self._resources.objects.get(one.get("id", ""))
        if known is None:
            yield f"There is no object {one.get('id')}."
        elif one.get("classId", known["classId"]) != known["classId"]:
            yield f"The object is not of class {one['classId']}."
        elif email not in self._resources.invited.get(issuer_of(known["id"]), set()):
            yield "The service account is no user of the issuer."

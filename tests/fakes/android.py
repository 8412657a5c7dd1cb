"""An Android phone with somebody's Google account: opens save links, shows cards and removes them."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx

from tests.fakes.google import FakeGoogle
from tests.fakes.google_saving import USER


class SaveRefused(Exception):
    """Google's page would not give the card to this user."""


@dataclass(frozen=True)
class Card:
    """A card as the wallet shows it: the object over its class."""

    resource: Mapping[str, Any]
    resource_class: Mapping[str, Any]

    @property
    def object_id(self) -> str:
        return str(self.resource["id"])

    @property
    def is_dead(self) -> bool:
        """Whether it lies among the expired passes."""
        return bool(self.resource.get("state", "ACTIVE") != "ACTIVE")

    @property
    def codes(self) -> dict[str, Any]:
        """What a reader or a camera could take from it."""
        names = ("barcode", "rotatingBarcode", "smartTapRedemptionValue")
        return {name: self.resource[name] for name in names if name in self.resource}

    @property
    def value(self) -> str | None:
        """What a scanner reads from the barcode that does not change."""
        barcode = self.resource.get("barcode")
        return None if barcode is None else str(barcode["value"])

    def words(self, language: str = "en") -> list[str]:
        """Every text that is shown in a language, or in the default one where it is not translated."""
        return _words(self.resource, language) + _words(self.resource_class, language)

    def pictures(self) -> list[str]:
        """The address of every image."""
        return _addresses(self.resource) + _addresses(self.resource_class)


class AndroidPhone:
    """One phone of one user; another phone of the same user has the same cards."""

    def __init__(self, google: FakeGoogle, *, user: str = "ada@gmail.com") -> None:
        self.user = user
        self._google = google
        self._http = httpx.Client(
            cookies={USER: user}, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def cards(self) -> list[Card]:
        """What is in the wallet, as it is now."""
        held = self._google.resources.holders
        return [self.card(name) for name, holders in list(held.items()) if self.user in holders.users]

    def look(self, link: str) -> list[str]:
        """Open a save link and go no further; the ids of its objects. Raises `SaveRefused`."""
        return self._ask("GET", link)

    def save(self, link: str) -> Card:
        """Open a save link and press the button. Raises `SaveRefused`."""
        self._ask("GET", link)
        [object_id] = self._ask("POST", link)
        return self.card(object_id)

    def remove(self, object_id: str) -> None:
        """Take a card out of the wallet, on all phones of this user."""
        self._google.saving.remove(object_id, user=self.user)

    def card(self, object_id: str) -> Card:
        """A card as it is shown now."""
        resources = self._google.resources
        return Card(resources.objects[object_id], resources.class_of(object_id))

    def _ask(self, method: str, link: str) -> list[str]:
        answer = self._http.request(method, link)
        if answer.status_code != httpx.codes.OK:
            raise SaveRefused(answer.text)
        objects: list[str] = answer.json()["objects"]
        return objects


def _words(part: Any, language: str) -> list[str]:
    if isinstance(part, list):
        return [word for item in part for word in _words(item, language)]
    if not isinstance(part, dict):
        return []
    if "defaultValue" in part:
        translated = {one["language"]: one["value"] for one in part.get("translatedValues", [])}
        return [translated.get(language, part["defaultValue"]["value"])]
    plain = [
        text
        for name, text in part.items()
        if name in ("header", "body", "alternateText")
        and isinstance(text, str)
        and f"localized{name.capitalize()}" not in part
    ]
    return plain + [word for member in part.values() for word in _words(member, language)]


def _addresses(part: Any) -> list[str]:
    if isinstance(part, list):
        return [address for item in part for address in _addresses(item)]
    if not isinstance(part, dict):
        return []
    own = [part["sourceUri"]["uri"]] if "sourceUri" in part else []
    return own + [address for member in part.values() for address in _addresses(member)]

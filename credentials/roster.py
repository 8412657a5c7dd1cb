"""Who is known already: the people of an account, found by what rows of a file know them by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from credentials.errors import Invalid
from credentials.models import Account, Person

Columns = dict[str, Any]

# By them rows are the same person.
KEYS = ("system_id", "email")


class Roster:
    """The people of an account whom some rows are about, as they are now."""

    def __init__(self, account: Account, sought: Sequence[Columns]) -> None:
        self._people: dict[tuple[str, str], Person] = {}
        present = Person.objects.present().filter(account=account).order_by()
        # Empty ones are excluded in words: they are not in the index.
        named = present.exclude(system_id="").filter(system_id__in=_values("system_id", sought))
        found = {person.pk: person for person in named}
        others = [pk for pk in _reached(account, _values("email", sought)) if pk not in found]
        for person in (*found.values(), *present.filter(pk__in=others)):
            self._enter(person)

    def find(self, columns: Columns) -> Person | None:
        """The person with this system_id, or else with this address; `Invalid` when that is another's."""
        system_id = columns.get("system_id", "")
        known, reached = self._get("system_id", system_id), self._get("email", columns.get("email", ""))
        if reached is None or reached is known:
            return known
        if known is not None or (system_id and reached.system_id):
            raise Invalid("email", "A person with another system_id has this e-mail address.")
        return reached

    def replace(self, former: Person | None, person: Person) -> None:
        """Knows `person` from now on, and no longer what was known of them before."""
        for key in KEYS:
            if former is not None:
                self._people.pop((key, folded(key, getattr(former, key))), None)
        self._enter(person)

    def _get(self, key: str, value: str) -> Person | None:
        return self._people.get((key, folded(key, value)))

    def _enter(self, person: Person) -> None:
        for key in KEYS:
            if value := getattr(person, key):
                self._people[key, folded(key, value)] = person


def folded(key: str, value: str) -> str:
    """What is compared: addresses are the same in any case."""
    return value.lower() if key == "email" else value


def _values(key: str, sought: Iterable[Columns]) -> list[str]:
    return sorted({folded(key, columns.get(key, "")) for columns in sought} - {""})


def _reached(account: Account, addresses: list[str]) -> list[int]:
    """The keys of those who have these addresses, in small letters.

    One step into the index for each: PostgreSQL expects `lower(email) IN (…)` to be much of the table, and
    reads all of it.
    """
    listed = addresses if connection.vendor == "postgresql" else json.dumps(addresses)
    with connection.cursor() as cursor:
        cursor.execute(_REACHED.format(sought=_SOUGHT[connection.vendor]), [account.pk, listed])
        return [pk for (pk,) in cursor.fetchall() if pk is not None]


_REACHED = """
    SELECT (
        SELECT id FROM credentials_person
        WHERE account_id = %s AND deleted_at IS NULL AND NOT email = '' AND lower(email) = sought.value)
    FROM {sought}"""
_SOUGHT = {"postgresql": "unnest(%s::text[]) AS sought (value)", "sqlite": "json_each(%s) AS sought"}

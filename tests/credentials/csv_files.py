"""CSV files as tests write them, and imports of them."""

from __future__ import annotations

from typing import Any

from credentials import people_imports
from credentials.models import Account, PeopleImport

HEADER = "first_name,last_name,email,system_id"


def written(*lines: str, header: str = HEADER) -> bytes:
    """A file of these lines."""
    return "\n".join([header, *lines, ""]).encode()


def many(count: int) -> bytes:
    """A file of so many people."""
    return written(*(f"Ada{number},Lovelace,ada{number}@example.com,m-{number}" for number in range(count)))


def check(account: Account, content: bytes) -> PeopleImport:
    """A dry run."""
    return people_imports.check_file(account, file_name="people.csv", content=content, actor="admin:ada")


def started(account: Account, content: bytes) -> PeopleImport:
    """An import that has begun."""
    return people_imports.start(check(account, content), actor="admin:bob")


def imported(account: Account, content: bytes) -> PeopleImport:
    """An import that has ended."""
    people_import = started(account, content)
    people_imports.import_due()
    people_import.refresh_from_db()
    return people_import


def counts(people_import: PeopleImport) -> dict[str, Any]:
    """What became of the rows, where there were any."""
    names = ("created", "updated", "unchanged", "refused")
    found = {name: getattr(people_import, name) for name in names}
    return {name: count for name, count in found.items() if count}

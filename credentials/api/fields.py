"""Fields that take the JSON type they document and no other: "true" is no boolean, 7 is no text."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

# The largest key of a row, on both databases.
MAX_ROW_ID = 2**63 - 1


class Text(serializers.CharField):
    """A JSON string, without the white space around it."""

    def to_internal_value(self, data: Any) -> str:
        """Refuses the numbers that Django REST framework would turn into text."""
        return str(super().to_internal_value(_only(self, str, data)))


class Email(serializers.EmailField):
    """A JSON string that is an e-mail address."""

    def to_internal_value(self, data: Any) -> str:
        """As `Text` does."""
        return str(super().to_internal_value(_only(self, str, data)))


class Flag(serializers.BooleanField):
    """`true` or `false`."""

    def to_internal_value(self, data: Any) -> bool:
        """Refuses the words and numbers that Django REST framework would take for a boolean."""
        return bool(_only(self, bool, data))


class RowId(serializers.IntegerField):
    """The integer that names a row."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_ROW_ID, **options)

    def to_internal_value(self, data: Any) -> int:
        """Refuses text; 7.0 is an integer in JSON."""
        if isinstance(data, float) and data.is_integer():
            return int(data)
        if isinstance(data, bool):
            self.fail("invalid")
        return int(_only(self, int, data))


def _only(field: serializers.Field[Any, Any, Any, Any], kind: type, data: Any) -> Any:
    if not isinstance(data, kind):
        field.fail("invalid")
    return data

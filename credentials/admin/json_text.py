"""The input for JSON that somebody types."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from credentials.design_rules import check_json
from credentials.errors import Invalid


class JsonText(forms.JSONField):
    """JSON as somebody types it: indented, and refused in words however it is broken."""

    widget = forms.Textarea(
        attrs={"rows": 14, "cols": 80, "class": "vLargeTextField code", "spellcheck": "false"}
    )

    def to_python(self, value: object) -> Any:
        """What is written, if it can be kept."""
        try:
            read = super().to_python(value)
            check_json("", read)
        except (ValueError, RecursionError):
            # Beside broken syntax: numbers too long to read, brackets nested too deep.
            raise ValidationError("This cannot be read as JSON.") from None
        except Invalid as refusal:
            raise ValidationError(refusal.sentence) from None
        return read

    def bound_data(self, data: object, initial: object) -> object:
        """What was typed stays as it was typed."""
        return data

    def prepare_value(self, value: object) -> str:
        """As text to go on with."""
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

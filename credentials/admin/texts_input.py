"""The input for texts in several languages: for each of them a name, some words of help, and whom to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.forms.renderers import BaseRenderer
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from credentials.branding import TEXTS

# What browsers offer a keyboard and a check of their own for.
KINDS = {"contact_email": "email", "contact_phone": "tel", "contact_url": "url"}
PLACES = [(code, name) for code, _ in settings.LANGUAGES for name in TEXTS]


class TextsInput(forms.MultiWidget):
    """Some inputs for each language, in a table of the project's own."""

    def __init__(self) -> None:
        super().__init__({f"{name}_{code}": _input(name, code) for code, name in PLACES})

    def decompress(self, value: Any) -> list[str]:
        """The texts in the order of the inputs."""
        texts: Mapping[str, Mapping[str, str]] = value or {}
        return [texts.get(code, {}).get(name, "") for code, name in PLACES]

    def id_for_label(self, id_: str) -> str:
        """Each input has a label of its own."""
        return ""

    def render(
        self,
        name: str,
        value: object,
        attrs: dict[str, Any] | None = None,
        renderer: BaseRenderer | None = None,
    ) -> SafeString:
        """The inputs as HTML."""
        drawn = iter(self.get_context(name, value, attrs)["widget"]["subwidgets"])
        rows = [(label, [_drawn(next(drawn), each) for each in TEXTS]) for _, label in settings.LANGUAGES]
        columns = [_label(each) for each in TEXTS]
        return render_to_string("admin/texts_input.html", {"rows": rows, "columns": columns})


class TextsField(forms.MultiValueField):
    """The texts as they are kept: by language, and in it by name; what is empty is left out."""

    def __init__(self, **options: Any) -> None:
        fields = [forms.CharField(required=False) for _ in PLACES]
        options = {"required": False, "require_all_fields": False, "widget": TextsInput(), **options}
        super().__init__(fields, **options)

    def compress(self, data_list: Sequence[str]) -> dict[str, dict[str, str]]:
        """The texts as they are kept."""
        texts: dict[str, dict[str, str]] = {}
        for (code, name), text in zip(PLACES, data_list, strict=False):
            if text:
                texts.setdefault(code, {})[name] = text
        return texts


def _input(name: str, code: str) -> forms.Widget:
    longest = {"maxlength": str(TEXTS[name])}
    if name in KINDS:
        return forms.TextInput(attrs={**longest, "type": KINDS[name], "size": "16", "dir": "ltr"})
    attrs = {**longest, "lang": code, "dir": "auto"}
    if name == "help":
        return forms.Textarea(attrs={**attrs, "rows": "2", "cols": "30"})
    return forms.TextInput(attrs={**attrs, "size": "16"})


def _drawn(subwidget: dict[str, Any], name: str) -> dict[str, Any]:
    """What the template needs of one input."""
    return {
        "name": subwidget["name"],
        "id": subwidget["attrs"]["id"],
        "value": subwidget["value"] or "",
        "attrs": {key: value for key, value in subwidget["attrs"].items() if key != "id"},
        "label": _label(name),
        "type": KINDS.get(name, "text"),
        "is_long": name == "help",
    }


def _label(name: str) -> str:
    return name.replace("_", " ")

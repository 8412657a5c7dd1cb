"""What the sources ask to have translated, and what the catalogues of `locale/` say, read without gettext."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.template import Engine
from django.template.base import Template
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

ROOT = Path(settings.BASE_DIR)
LOCALE = ROOT / "locale"
# English is what the sources are written in.
TRANSLATED = sorted(code for code, _ in settings.LANGUAGES if code != "en")
# Whatever speaks to passholders, and nothing else.
SPOKEN = ("404.html", "500.html", "base.html", "redemption/*", "mail/invitation.*")
MARKS = {"_", "gettext", "gettext_lazy"}

_ENTRY = re.compile(r'^msgid ((?:".*"\n)+)msgstr ((?:".*"\n?)+)', re.MULTILINE)
_QUOTED = re.compile(r'"(.*)"')


def asked() -> set[str]:
    """Every text that a template or a module marks for translation."""
    templates = (path for pattern in SPOKEN for path in (ROOT / "templates").glob(pattern))
    modules = (path for app in ("credentials", "redemption") for path in (ROOT / app).rglob("*.py"))
    return {
        *(text for path in templates for text in _texts_of_template(path.read_text())),
        *(text for path in modules for text in _texts_of_module(path.read_text())),
    }


def po_of(language: str) -> str:
    """The catalogue that translators write."""
    return (LOCALE / language / "LC_MESSAGES" / "django.po").read_text()


def entries(po: str) -> dict[str, str]:
    """Each text of a catalogue with its translation; the header stands under the empty text."""
    return {_unquoted(text): _unquoted(words) for text, words in _ENTRY.findall(po)}


def compiled(language: str) -> dict[str, str]:
    """The catalogue that Django reads."""
    with (LOCALE / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        read = gettext.GNUTranslations(file)
    return dict(vars(read)["_catalog"])


def _texts_of_template(source: str) -> Iterator[str]:
    template = Template(source, engine=Engine.get_default())
    for node in template.nodelist.get_nodes_by_type(TranslateNode):
        yield str(node.filter_expression.var.literal)  # type: ignore[attr-defined]
    for node in template.nodelist.get_nodes_by_type(BlockTranslateNode):
        yield node.render_token_list(node.singular)[0]  # type: ignore[attr-defined]


def _texts_of_module(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
            yield ast.literal_eval(node.args[0])


def _unquoted(lines: str) -> str:
    return "".join(str(ast.literal_eval(f'"{part}"')) for part in _QUOTED.findall(lines))

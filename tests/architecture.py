"""The rules of the house that a program can check: each reads one file and yields what breaks it, by line."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser
from pathlib import PurePosixPath

APPS = ("passflow", "credentials", "redemption", "webhooks")

# The state of a credential and of a wallet pass; nothing else in the project has a column of that name.
STATE = "state"
STATE_WRITER = "credentials/lifecycle.py"
# Rows without that column, which may be set by name.
STATELESS = {"person", "account", "branding", "endpoint", "credential_type"}
STATE_WRITES = {
    *("Credential", "WalletPass", "create", "get_or_create", "update_or_create"),
    *("update", "bulk_update", "add_update_values", "save"),
}
STATE_SQL = re.compile(r"\bupdate\b.*\bset\b.*\bstate\b", re.IGNORECASE | re.DOTALL)

# Who may touch random bytes and digest a secret: it mints each, and knows the only form that is stored.
SECRET_DOOR = "credentials/tokens.py"
SECRET_NAME = re.compile(r"token|secret|password|api_key|bearer", re.IGNORECASE)

VAGUE_FILES = {"utils", "helpers", "common", "base", "misc"}
# Django looks for the module of a database backend under this name.
FRAMEWORK_FILES = {"passflow/postgresql/base.py"}
VAGUE_FUNCTION = re.compile(r"_*(do|handle|process)_")
# "Web service" is Apple's own word for what a wallet speaks to.
VAGUE_CLASS = re.compile(r"\w*(Manager|(?<!Web)Service|Helper)$")
# Names that a framework calls; they are ours to implement, not to choose.
FRAMEWORK_HOOKS = {
    *("process_view", "process_exception"),  # Django's middleware
    *("do_GET", "do_POST", "do_PUT", "do_PATCH", "do_DELETE"),  # http.server, in the tests' fakes
    "handle_starttag",  # html.parser
    *("handle_MAIL", "handle_RCPT", "handle_DATA"),  # aiosmtpd, in the tests' fakes
    "handle_request",  # httpx
}

MAX_LINES = 300
MAX_TEST_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_VIEW_LINES = 15
VIEW_MODULES = {"views", "pages", "web_service", "api"}

TEMPLATE_TAG = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Finding = tuple[int, str]


@dataclass(frozen=True)
class Source:
    """A file of the project, named by its path from the root."""

    path: PurePosixPath
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def functions(self) -> list[Function]:
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]

    @cached_property
    def calls(self) -> list[ast.Call]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]

    @property
    def is_migration(self) -> bool:
        return "migrations" in self.path.parts


Rule = Callable[[Source], Iterator[Finding]]


def state_writes(source: Source) -> Iterator[Finding]:
    """Whatever writes a state, or may: the lifecycle alone does, under its guard, with its event."""
    if str(source.path) == STATE_WRITER or source.is_migration:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr == STATE and not isinstance(node.ctx, ast.Load):
            yield node.lineno, "assigns a state"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and STATE_SQL.search(node.value):
            yield node.lineno, "writes a state in SQL"
    for call in source.calls:
        name = _called(call)
        if name == "setattr" and _may_set_state(call):
            yield call.lineno, "sets an attribute that is a state, or may be"
        if name in STATE_WRITES and _names_state(call):
            yield call.lineno, f"writes a state by {name}()"


def signals(source: Source) -> Iterator[Finding]:
    """Django's signals: what follows from a change is called where the change is made."""
    for line, module in _imported(source):
        if re.match(r"django\.(dispatch|.*\bsignals)\b", module):
            yield line, f"imports {module}"


def hidden_imports(source: Source) -> Iterator[Finding]:
    """Imports inside a function, the price of packages that import each other."""
    for function in source.functions:
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield node.lineno, f"imports inside {function.name}()"


def vague_names(source: Source) -> Iterator[Finding]:
    """Names that say that something is done, but not what."""
    for part in (*source.path.parent.parts, source.path.stem):
        if part in VAGUE_FILES and str(source.path) not in FRAMEWORK_FILES:
            yield 1, f"is called {part}"
    for function in source.functions:
        if VAGUE_FUNCTION.match(function.name) and function.name not in FRAMEWORK_HOOKS:
            yield function.lineno, f"calls a function {function.name}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and VAGUE_CLASS.match(node.name):
            yield node.lineno, f"calls a class {node.name}"


def long_files(source: Source) -> Iterator[Finding]:
    """Files that have outgrown one subject."""
    lines = len(source.text.splitlines())
    most = MAX_TEST_LINES if source.path.parts[0] == "tests" else MAX_LINES
    if lines > most and not source.is_migration:
        yield most, f"has {lines} lines"


def long_functions(source: Source) -> Iterator[Finding]:
    """Functions that nobody can hold in their head."""
    for function in source.functions:
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > MAX_FUNCTION_LINES:
            yield function.lineno, f"{function.name}() has {lines} lines"


def long_views(source: Source) -> Iterator[Finding]:
    """Views that do more than parse, call one verb and answer; docstring and signature do not count."""
    if not VIEW_MODULES & {*source.path.parts, source.path.stem}:
        return
    for function in source.functions:
        lines = _body_lines(function, source.text.splitlines())
        if lines > MAX_VIEW_LINES and "request" in {arg.arg for arg in function.args.args}:
            yield function.lineno, f"the view {function.name}() has {lines} lines"


def missing_docstrings(source: Source) -> Iterator[Finding]:
    """Modules and public verbs that do not say what they are for."""
    if not source.tree.body or source.is_migration:
        return
    if ast.get_docstring(source.tree) is None:
        yield 1, "has no docstring"
    for node in source.tree.body:
        if isinstance(node, Function) and not node.name.startswith("_") and ast.get_docstring(node) is None:
            yield node.lineno, f"{node.name}() has no docstring"


def unexplained_exceptions(source: Source) -> Iterator[Finding]:
    """Marks that switch a check off for a line and do not say why there."""
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        mark = re.search(r"#\s*(noqa|pragma: no cover)(.*)", token.string)
        if token.type == tokenize.COMMENT and mark and not re.search(r"\s-\s\w", mark[2]):
            yield token.start[0], f"has a bare {mark[1]}"


def unnamed_migrations(source: Source) -> Iterator[Finding]:
    """Migrations that Django named, so that a list of them tells nothing."""
    name = source.path.stem
    if source.is_migration and name != "__init__" and not re.fullmatch(r"\d{4}_(?!auto_)[a-z0-9_]+", name):
        yield 1, "does not say in its name what it changes"


def loose_secrets(source: Source) -> Iterator[Finding]:
    """Random bytes and digests of secrets outside the one door."""
    if str(source.path) == SECRET_DOOR:
        return
    for line, module in _imported(source):
        if module in {"secrets", "os.urandom"} or module.startswith("secrets."):
            yield line, f"imports {module}"
    for call in source.calls:
        if ast.unparse(call.func) == "os.urandom":
            yield call.lineno, "reads random bytes"
        if ast.unparse(call.func).startswith("hashlib.") and SECRET_NAME.search(ast.unparse(call)):
            yield call.lineno, "digests a secret"


def inline_code(source: Source) -> Iterator[Finding]:
    """Script and style inside a page, which the content security policy would have to let through."""
    page = _Page()
    page.feed(TEMPLATE_TAG.sub("", source.text))
    page.close()
    yield from page.findings


class _Page(HTMLParser):
    """Collects what runs or styles without a file of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.findings: list[Finding] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line = self.getpos()[0]
        names = {name for name, _ in attrs}
        if tag == "style" or (tag == "script" and "src" not in names):
            self.findings.append((line, f"has an inline <{tag}>"))
        for name, value in attrs:
            if (
                name == "style"
                or name.startswith("on")
                or (value or "").strip().lower().startswith("javascript:")
            ):
                self.findings.append((line, f"has an inline {name} on <{tag}>"))


def _imported(source: Source) -> Iterator[tuple[int, str]]:
    """Every name that is imported, with its module before it."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _may_set_state(call: ast.Call) -> bool:
    subject, name = call.args[:2]
    if isinstance(name, ast.Constant):
        return name.value == STATE
    return ast.unparse(subject) not in STATELESS


def _names_state(call: ast.Call) -> bool:
    """Whether the call itself names the column: as a keyword, in a list of fields or as a key of a dict."""
    if STATE in {keyword.arg for keyword in call.keywords}:
        return True
    quoted: list[ast.expr | None] = []
    for value in (*call.args, *(keyword.value for keyword in call.keywords)):
        if isinstance(value, ast.List | ast.Tuple | ast.Set):
            quoted += value.elts
        if isinstance(value, ast.Dict):
            quoted += value.keys
    return any(isinstance(node, ast.Constant) and node.value == STATE for node in quoted)


def _body_lines(function: Function, lines: list[str]) -> int:
    """How many lines of its body are not blank, the docstring left out."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return 0
    return sum(bool(line.strip()) for line in lines[body[0].lineno - 1 : function.end_lineno])

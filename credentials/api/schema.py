"""The API's description (OpenAPI 3.1): what drf-spectacular cannot read off the views."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from credentials.api import problems
from credentials.api.authentication import ApiKeyAuthentication
from credentials.api.idempotency import HEADER, REPLAYED
from credentials.api.problems import Problem

Json = dict[str, Any]
Endpoint = tuple[str, str, str, Callable[..., Any]]

VERSION_PREFIX = "/api/v3/"

_ABOUT = """
Issue wallet passes to people and hand them out by redemption URL.

Send an API key with every call: `Authorization: Bearer pf_key_…`. Bodies are JSON, flat or wrapped in the
name of their resource; members that are unknown or read-only are ignored, so clients that were generated
for DoorFlow's API v3 work here with another base URL. Times are RFC 3339, in UTC.

A redemption URL is a bearer secret: whoever has it can take the pass. It is answered once, by the call that
makes it, and cannot be read again.
"""

# What any call may answer, whatever it is asked.
_ANYWHERE = (
    problems.UNAUTHORIZED,
    problems.FORBIDDEN,
    problems.NOT_ACCEPTABLE,
    problems.RATE_LIMITED,
    problems.SERVER_ERROR,
)

_KEY_PARAMETER: Json = {
    "name": HEADER,
    "in": "header",
    "description": "Visible ASCII, new for every new request. For 24 hours the same key and body have no "
    f"second effect and get the first answer again, marked by `{REPLAYED}: true`. What is shown only once, "
    "such as a redemption URL, is null in it.",
    "schema": {"type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": 255},
}
_COUNT: Json = {"schema": {"type": "integer"}}
_TEXT: Json = {"schema": {"type": "string"}}
_PAGE_HEADERS: Json = {
    "X-Page": {"description": "The page of this answer.", **_COUNT},
    "X-Per-Page": {"description": "How many results a page has.", **_COUNT},
    "X-Total-Results": {"description": "How many results there are.", **_COUNT},
    "Link": {"description": "The first, previous, next and last page (RFC 8288).", **_TEXT},
}


class BearerKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The API key, as a security scheme."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> Json:
        """RFC 6750."""
        return {"type": "http", "scheme": "bearer", "description": "An API key: `pf_key_…`"}


def only_one_mount(endpoints: list[Endpoint]) -> list[Endpoint]:
    """The same calls also answer below /api/3/; they are described once."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(VERSION_PREFIX)]


def describe_the_rest(result: Json, **_context: Any) -> Json:
    """Adds what holds for many calls alike: problems, the idempotency key, the headers of lists."""
    result["info"]["description"] = _ABOUT
    described = {}
    for path, method, operation in _operations(result):
        for problem in _problems(operation, method=method, names_a_row="{" in path):
            described[_name(problem)] = _response(problem)
            reference = {"$ref": f"#/components/responses/{_name(problem)}"}
            operation["responses"].setdefault(str(problem.status), reference)
    result["components"]["responses"] = described
    return result


def _operations(result: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in result["paths"].items():
        for method, operation in methods.items():
            parameters = operation.setdefault("parameters", [])
            if method == "post":
                parameters.append(_KEY_PARAMETER)
            operation["summary"], _, rest = operation.get("description", "").partition(".")
            operation["description"] = rest.strip()
            if any(parameter["name"] == "page" for parameter in parameters):
                operation["responses"]["200"]["headers"] = _PAGE_HEADERS
            yield path, method, operation


def _problems(operation: Json, *, method: str, names_a_row: bool) -> Iterator[Problem]:
    yield from _ANYWHERE
    if names_a_row:
        yield problems.NOT_FOUND
    if "requestBody" in operation:
        yield from (problems.BAD_REQUEST, problems.TOO_LARGE, problems.UNSUPPORTED)
    if method == "post":
        yield problems.TOO_LARGE
    if method != "get":
        yield problems.CONFLICT
    if any(parameter["in"] != "path" for parameter in operation["parameters"]) or "requestBody" in operation:
        yield problems.VALIDATION_FAILED


def _response(problem: Problem) -> Json:
    """The problem as a response component."""
    example = problems.document(problem, request_id="6f1ed002ab5595859014ebf0951522d9")
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {problems.CONTENT_TYPE: {"schema": schema, "example": example}}
    headers = {}
    if problem.status == problems.UNAUTHORIZED.status:
        headers = {"WWW-Authenticate": _TEXT}
    if problem is problems.RATE_LIMITED:
        headers = {"Retry-After": {"description": "Seconds.", **_COUNT}}
    return {"description": problem.title, "headers": headers, "content": content}


def _name(problem: Problem) -> str:
    return problem.title.title().replace(" ", "")

"""What a body may be: one JSON object in UTF-8 (RFC 8259), flat or wrapped in the name of its resource."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from credentials.errors import Invalid


class JsonObjectParser(BaseParser):
    """Reads a JSON object; everything else is a `ParseError` with the reason."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The object; Django refuses a body above `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes before it is read."""
        raw: bytes = (parser_context or {})["request"].body
        try:
            body = json.loads(raw.decode(), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not valid JSON: {error}.") from None
        if not isinstance(body, dict):
            raise ParseError("The body must be a JSON object.")
        return body


def unwrapped(request: Request, name: str) -> dict[str, Any]:
    """The members of the body, whether they stand in it or in an object called `name`, as DoorFlow allows."""
    body: dict[str, Any] = request.data
    if name not in body:
        return body
    if not isinstance(body[name], dict):
        raise Invalid(name, "This must be an object.")
    return dict(body[name])


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON value")

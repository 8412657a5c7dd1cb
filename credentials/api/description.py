"""The API's description for programs, and the page that shows it to people."""

from __future__ import annotations

import json
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from credentials.api import problems


@require_safe
def document(request: HttpRequest) -> HttpResponse:
    """The OpenAPI 3.1 document; it tells nothing about anybody, and needs no key."""
    headers = {"Cache-Control": "max-age=300"}
    return HttpResponse(_document(), content_type="application/json", headers=headers)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The same to read."""
    kinds = [problem for problem in vars(problems).values() if isinstance(problem, problems.Problem)]
    return render(request, "api/docs.html", {"problems": kinds})


@lru_cache(maxsize=1)
def _document() -> bytes:
    # Made once in a process: it takes a good part of a second.
    return json.dumps(SchemaGenerator().get_schema(request=None, public=True)).encode()  # type: ignore[no-untyped-call]

"""What every answer below `/api/` has, whoever made it: a view, a refusal, or Django itself."""

from __future__ import annotations

import json
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from credentials.api import problems


class ApiEdge:
    """Turns Django's own error pages into problem documents and adds the headers all answers share."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/api/"):
            return self.get_response(request)
        # Programs read this: every sentence in the one language that ours are written in.
        request.META.pop("HTTP_ACCEPT_LANGUAGE", None)
        response = _as_problem(request, self.get_response(request))
        # People's data, and URLs that open doors: nothing of it stays in a cache on the way.
        response.headers.setdefault("Cache-Control", "no-store")
        if allowance := getattr(request, "allowance", None):
            for name, value in allowance.headers.items():
                # A refusal by another limit has told already.
                response.headers.setdefault(name, value)
        return response


def _as_problem(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """`response`, unless it is an error page; the page's own text is dropped, for it may tell too much."""
    if response.status_code < 400 or response.headers.get("Content-Type") == problems.CONTENT_TYPE:
        return response
    problem = problems.BY_STATUS.get(response.status_code, problems.SERVER_ERROR)
    body = problems.document(problem, request_id=getattr(request, "request_id", ""))
    return HttpResponse(json.dumps(body), content_type=problems.CONTENT_TYPE, status=problem.status)

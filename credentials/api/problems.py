"""Refusals as HTTP: the one table from exceptions to problem documents (RFC 9457).

Each document also has the members that clients of DoorFlow's API read: `error` (a code from the table),
`error_description` (the same sentence as `detail`) and, when fields were refused, `errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core import exceptions as django
from django.http import Http404
from rest_framework import exceptions as rest
from rest_framework.response import Response

from credentials import errors
from credentials.api.shapes import CredentialJson

CONTENT_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="PassFlow"'


@dataclass(frozen=True)
class Problem:
    """A kind of refusal: its HTTP status, its code, its title, and a sentence when there is none to show."""

    status: int
    error: str
    title: str
    sentence: str


BAD_REQUEST = Problem(400, "bad_request", "Bad request", "The request cannot be read.")
UNAUTHORIZED = Problem(401, "unauthorized", "No API key", "Send an API key.")
INVALID_TOKEN = Problem(401, "invalid_token", "API key refused", "This API key opens nothing.")
FORBIDDEN = Problem(403, "forbidden", "Not allowed", "This is not allowed.")
NOT_FOUND = Problem(404, "not_found", "Not found", "There is nothing under this address.")
METHOD_NOT_ALLOWED = Problem(405, "method_not_allowed", "Method not allowed", "There is no such method here.")
NOT_ACCEPTABLE = Problem(406, "not_acceptable", "Not acceptable", "Answers are JSON.")
CONFLICT = Problem(409, "conflict", "Conflict", "This cannot be done now.")
GONE = Problem(410, "gone", "Gone", "This has ended.")
TOO_LARGE = Problem(413, "content_too_large", "Content too large", "The body is too large.")
UNSUPPORTED = Problem(415, "unsupported_media_type", "Unsupported media type", "Send application/json.")
VALIDATION_FAILED = Problem(422, "validation_failed", "Validation failed", "A value cannot be accepted.")
RATE_LIMITED = Problem(429, "rate_limited", "Too many requests", "Wait before the next request.")
TOO_MANY_MAILS = Problem(429, "too_many_mails", "Too many mails", "Wait before the next mail.")
SERVER_ERROR = Problem(500, "internal_server_error", "Internal server error", "Something went wrong here.")
UNAVAILABLE = Problem(503, "unavailable", "Unavailable", "A party that is needed cannot be reached now.")

PROBLEMS: dict[type[Exception], Problem] = {
    errors.Invalid: VALIDATION_FAILED,
    errors.NotFound: NOT_FOUND,
    errors.Conflict: CONFLICT,
    errors.Gone: GONE,
    errors.TooManyMails: TOO_MANY_MAILS,
    errors.Unavailable: UNAVAILABLE,
    rest.ParseError: BAD_REQUEST,
    rest.NotAuthenticated: UNAUTHORIZED,
    rest.AuthenticationFailed: INVALID_TOKEN,
    rest.PermissionDenied: FORBIDDEN,
    rest.NotFound: NOT_FOUND,
    rest.MethodNotAllowed: METHOD_NOT_ALLOWED,
    rest.NotAcceptable: NOT_ACCEPTABLE,
    rest.UnsupportedMediaType: UNSUPPORTED,
    rest.ValidationError: VALIDATION_FAILED,
    rest.Throttled: RATE_LIMITED,
    django.PermissionDenied: FORBIDDEN,
    django.RequestDataTooBig: TOO_LARGE,
    django.SuspiciousOperation: BAD_REQUEST,
    Http404: NOT_FOUND,
}

# For answers that Django itself makes, before or instead of a view.
BY_STATUS: dict[int, Problem] = {
    400: BAD_REQUEST,
    403: FORBIDDEN,
    404: NOT_FOUND,
    405: METHOD_NOT_ALLOWED,
    413: TOO_LARGE,
    500: SERVER_ERROR,
}


def answer_for(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """The answer to `error`; `None`, so that Django logs it and answers 500, when it is not in the table."""
    problem = next((PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS), None)
    if problem is None:
        return None
    body = document(problem, sentence=_sentence(error), request_id=context["request"].request_id)
    return Response(
        {**body, **_extensions(error)}, problem.status, headers=_headers(error), content_type=CONTENT_TYPE
    )


def document(problem: Problem, *, request_id: str, sentence: str = "") -> dict[str, Any]:
    """The members that every problem document has."""
    detail = sentence or problem.sentence
    return {
        "type": f"{settings.BASE_URL}/api/v3/docs#{problem.error}",
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "instance": request_id,
        "error": problem.error,
        "error_description": detail,
    }


def _sentence(error: Exception) -> str:
    """What the caller may read; never the text of an exception that was not written for callers."""
    if isinstance(error, errors.Refusal):
        return error.sentence
    if isinstance(error, rest.ValidationError):
        refused = _refused_fields(error).items()
        return " ".join(f"{field}: {message}" for field, messages in refused for message in messages)
    if isinstance(error, rest.APIException):
        return str(error.detail)
    return ""


def _extensions(error: Exception) -> dict[str, Any]:
    if isinstance(error, errors.Invalid):
        return {"errors": {error.field: [error.sentence]}}
    if isinstance(error, rest.ValidationError):
        return {"errors": _refused_fields(error)}
    if isinstance(error, errors.AlreadyHeld):
        return {"credential": CredentialJson(error.held).data}
    return {}


def _refused_fields(error: rest.ValidationError) -> dict[str, list[str]]:
    """Each field with its sentences; what is wrong inside a list or an object is said of the whole."""
    detail = error.detail if isinstance(error.detail, dict) else {"body": error.detail}
    return {str(field): list(_messages(found)) for field, found in detail.items()}


def _messages(detail: Any) -> list[str]:
    if isinstance(detail, dict):
        return [message for found in detail.values() for message in _messages(found)]
    if isinstance(detail, list):
        return [message for found in detail for message in _messages(found)]
    return [str(detail)]


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, rest.AuthenticationFailed):
        # RFC 6750, section 3.1: the challenge gives a reason only when a token was sent.
        return {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'}
    if isinstance(error, rest.NotAuthenticated):
        return {"WWW-Authenticate": CHALLENGE}
    if isinstance(error, errors.TooManyMails):
        return error.allowance.headers
    return {}

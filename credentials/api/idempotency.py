"""Requests that may be repeated: one `Idempotency-Key`, one effect, one answer.

A key is claimed by a row of its own before the work begins, so that a second request meets it. The effect
and the stored answer then commit in one transaction, which first checks that the claim still stands: when a
claim that looked abandoned was taken over, whoever comes second rolls back, and nothing happens twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial, wraps
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from credentials.api.authentication import integrator
from credentials.api.problems import CONTENT_TYPE
from credentials.errors import Invalid, RequestInFlight
from credentials.models import IdempotentRequest

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"

# Members that are shown once, or hold a key: they are not stored, and so a replay has nothing to show.
SHOWN_ONCE = ("url", "secret", "value_totp")

# A worker that was killed leaves its claim behind; whoever is merely slow loses only its turn.
_ABANDONED_AFTER = timedelta(seconds=15)
_KEPT_FOR = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
# What the caller can mend without changing the request is asked again, not replayed.
_PASSING = (401, 403, 429)

Post = Callable[..., Response]


def idempotent(post: Post) -> Post:
    """Makes a view's `post` answer a request that is repeated under its key without a second effect."""

    @wraps(post)
    def once(view: APIView, request: Request, *args: Any, **kwargs: Any) -> Response:
        work = partial(post, view, request, *args, **kwargs)
        if HEADER not in request.headers:
            return work()
        claim = _claim(request, key=request.headers[HEADER], now=timezone.now())
        if claim.response_status is not None:
            return _replay(claim)
        return _answer(claim, view=view, work=work)

    return once


def forget_old_requests(*, limit: int = 10_000) -> int:
    """Deletes up to `limit` requests that are older than 24 hours; how many there were."""
    old = IdempotentRequest.objects.filter(created_at__lt=timezone.now() - _KEPT_FOR)
    keys = list(old.order_by("created_at").values_list("pk", flat=True)[:limit])
    return IdempotentRequest.objects.filter(pk__in=keys).delete()[0]


def _claim(request: Request, *, key: str, now: datetime) -> IdempotentRequest:
    """The key's row: ours to work on while it has no status, else the answer that was given.

    Raises `Invalid` when the key is malformed or was used for another request, `RequestInFlight` while
    somebody else works on it.
    """
    if not _KEY.fullmatch(key):
        raise Invalid(HEADER, "This must be 1 to 255 visible ASCII characters.")
    account, fingerprint = integrator(request).account, _fingerprint(request)
    try:
        with transaction.atomic():
            return IdempotentRequest.objects.create(account=account, key=key, fingerprint=fingerprint)
    except IntegrityError:
        found = IdempotentRequest.objects.filter(account=account, key=key).first()
    if found is not None and bytes(found.fingerprint) != fingerprint:
        raise Invalid(HEADER, "This key was used for another request.")
    if found is None or not (found.response_status is not None or _take_over(found, now=now)):
        raise RequestInFlight("A request with this Idempotency-Key is being worked on.")
    return found


def _fingerprint(request: Request) -> bytes:
    asked = f"{request.method} {request.get_full_path()}\n".encode()
    return hashlib.sha256(asked + request.body).digest()


def _take_over(found: IdempotentRequest, *, now: datetime) -> bool:
    """Whether the claim was abandoned and is now ours: of several who ask, one moves its time."""
    claimed_at = found.created_at
    if claimed_at > now - _ABANDONED_AFTER:
        return False
    found.created_at = now
    return bool(_unanswered(found, claimed_at=claimed_at).update(created_at=now))


def _answer(claim: IdempotentRequest, *, view: APIView, work: Callable[[], Response]) -> Response:
    try:
        with transaction.atomic():
            response = _work(view, work)
            lasting = response.status_code < 500 and response.status_code not in _PASSING
            if lasting:
                _store(claim, response)
    except BaseException:
        _release(claim)
        raise
    if not lasting:
        _release(claim)
    return response


def _work(view: APIView, work: Callable[[], Response]) -> Response:
    """What the view answers; a refusal undoes what was written before it, and is an answer as well."""
    try:
        with transaction.atomic():
            return work()
    except Exception as error:  # noqa: BLE001 - what is no refusal is raised again by the view
        return view.handle_exception(error)


def _store(claim: IdempotentRequest, response: Response) -> None:
    """Keeps the answer, if the claim is still ours; raising undoes the effect with it."""
    body = _without_secrets(response.data)
    ours = _unanswered(claim, claimed_at=claim.created_at)
    if not ours.update(response_status=response.status_code, response_body=body):
        raise RequestInFlight("Another request with this Idempotency-Key has overtaken this one.")


def _without_secrets(body: Mapping[str, Any]) -> dict[str, Any]:
    members = {
        name: _without_secrets(value) if isinstance(value, dict) else value for name, value in body.items()
    }
    return {name: None if name in SHOWN_ONCE else value for name, value in members.items()}


def _release(claim: IdempotentRequest) -> None:
    _unanswered(claim, claimed_at=claim.created_at).delete()


def _unanswered(claim: IdempotentRequest, *, claimed_at: datetime) -> Any:
    return IdempotentRequest.objects.filter(pk=claim.pk, created_at=claimed_at, response_status=None)


def _replay(answered: IdempotentRequest) -> Response:
    status = int(answered.response_status or 0)
    content_type = CONTENT_TYPE if status >= 400 else None
    return Response(answered.response_body, status, headers={REPLAYED: "true"}, content_type=content_type)

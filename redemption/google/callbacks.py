"""What Google sends to us: a message is verified, kept once and answered at once; a task does the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import wraps

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from credentials import doorbell, limits
from credentials.errors import Invalid, NotFound, Unavailable
from redemption.google import root_keys, signatures
from redemption.google.signatures import MOST_BODY, Message
from redemption.models import GoogleIssuer, GoogleMessage

logger = logging.getLogger(__name__)

SETTLE = "redemption.tasks.settle_google"
LIMIT = "google_callbacks"
# The kinds of messages that say something about an object; any other is kept and means nothing to us.
SAVE, REMOVAL = "save", "del"


def answers_google(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Turns what is refused into a status that Google understands; its request carries no cookie."""

    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, issuer_id: str) -> HttpResponse:
        try:
            response = view(request, issuer_id)
        except NotFound as refusal:
            response = JsonResponse({"message": refusal.sentence}, status=404)
        except Invalid as refusal:
            logger.warning("a callback for issuer %s is refused: %s", issuer_id, refusal.sentence)
            response = JsonResponse({"message": refusal.sentence, "field": refusal.field}, status=400)
        except Unavailable as refusal:
            logger.error("a callback for issuer %s cannot be verified: %s", issuer_id, refusal.sentence)
            response = JsonResponse({"message": refusal.sentence}, status=503)
            response["Retry-After"] = str(int(root_keys.PAUSE.total_seconds()))
        response["Cache-Control"] = "no-store"
        return response

    return wrapped


@answers_google
@require_POST
def callback(request: HttpRequest, issuer_id: str) -> HttpResponse:
    """POST a message of Google's: 200 once it is kept, and for one that was kept before."""
    issuer = _issuer(issuer_id)
    # By address too, so that a flood of forgeries does not shut Google out.
    allowance = limits.check(LIMIT, f"{issuer_id} {request.client_ip}")  # type: ignore[attr-defined]
    if allowance.exceeded:
        return HttpResponse(status=429, headers=allowance.headers)
    # Whatever length the caller claims, no more than this is read.
    body = request.read(MOST_BODY + 1)
    if len(body) > MOST_BODY:
        return JsonResponse({"message": "This is too long."}, status=413)
    receive(body, issuer=issuer)
    return HttpResponse(status=200)


def receive(body: bytes, *, issuer: GoogleIssuer) -> None:
    """Keeps a message that Google signed for `issuer`, once by its nonce, and has it settled after commit.

    Raises `Invalid` for any other body, and `Unavailable` while there is no root key to verify it with.
    """
    now = timezone.now()
    keys = root_keys.valid_keys(now=now)
    message = signatures.verify(body, root_keys=keys, issuer_id=issuer.issuer_id, now=now)
    GoogleMessage.objects.bulk_create([_row(message, issuer=issuer, now=now)], ignore_conflicts=True)
    doorbell.ring(SETTLE)


def _issuer(issuer_id: str) -> GoogleIssuer:
    issuer = GoogleIssuer.objects.filter(issuer_id=issuer_id).first()
    if issuer is None:
        raise NotFound("There is no such issuer.")
    return issuer


def _row(message: Message, *, issuer: GoogleIssuer, now: datetime) -> GoogleMessage:
    is_known = message.event_type in (SAVE, REMOVAL) and bool(message.object_id)
    status = GoogleMessage.Status.PENDING if is_known else GoogleMessage.Status.IGNORED
    return GoogleMessage(
        issuer=issuer,
        nonce=message.nonce,
        event_type=message.event_type,
        class_id=message.class_id,
        object_id=message.object_id,
        expires_at=message.expires_at,
        body=message.body,
        status=status,
        due_at=now if is_known else None,
        settled_at=None if is_known else now,
    )

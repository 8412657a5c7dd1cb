"""Apple's PassKit Web Service, protocol version 1, as devices speak it.

A device accepts 200 and 201 for what it sends, 200, 204 and 304 for what it asks, and 401; anything else
makes it back off and, after some tries, give up for good.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from credentials.errors import Invalid, NotFound, Unavailable
from redemption import suspicion
from redemption.apple import device_logs, files, registrations, rotation, updates
from redemption.apple.apns import PUSH_TOKEN
from redemption.apple.authentication import SCHEME, held, presented
from redemption.models import AppleDevice
from redemption.throttling import throttled

logger = logging.getLogger(__name__)

MOST_BODY = 65_536


def answers_devices(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Turns what the rules refuse into what a device understands; a device's request carries no cookie."""

    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except NotFound:
            response = _refused(request, serial_number=kwargs.get("serial_number", ""))
        except Invalid as refusal:
            response = JsonResponse({"message": refusal.sentence, "field": refusal.field}, status=400)
        except Unavailable as refusal:
            logger.error("a pass cannot be signed: %s", refusal.sentence)
            response = JsonResponse({"message": refusal.sentence}, status=503)
        response["Cache-Control"] = "no-store"
        return response

    return wrapped


@answers_devices
@require_http_methods(["POST", "DELETE"])
def registration(request: HttpRequest, device: str, pass_type: str, serial_number: str) -> HttpResponse:
    """POST registers a device for a pass (201, or 200 when it was known), DELETE unregisters it (200)."""
    push_token = _push_token(request) if request.method == "POST" else ""
    with held(request, pass_type_identifier=pass_type, serial_number=serial_number) as found:
        if request.method == "DELETE":
            registrations.unregister(found, device_library_identifier=device)
            return HttpResponse(status=200)
        # As it was loaded, with its account.
        credential = found.apple_pass.wallet_pass.credential
        is_new, devices = registrations.register(
            found, device_library_identifier=device, push_token=push_token
        )
    if is_new:
        suspicion.notice_devices(credential, devices=devices)
    return HttpResponse(status=201 if is_new else 200)


@answers_devices
@throttled("apple_updates", by="device")
@require_safe
def serial_numbers(request: HttpRequest, device: str, pass_type: str) -> HttpResponse:
    """GET the serials that changed since a tag: 200 with the next tag, 204 when there are none."""
    rows = AppleDevice.objects.select_related("pass_type")
    known = rows.filter(device_library_identifier=device, pass_type__pass_type_identifier=pass_type).first()
    since = request.GET.get("passesUpdatedSince", "")
    changes = updates.changes_for(known, since=since) if known else None
    if changes is None:
        return HttpResponse(status=204)
    return JsonResponse({"serialNumbers": changes.serial_numbers, "lastUpdated": changes.last_updated})


@answers_devices
@require_safe
def latest_pass(request: HttpRequest, pass_type: str, serial_number: str) -> HttpResponse:
    """GET the pass as it is now, with the token to use from here on; 304 when it has not changed."""
    with held(request, pass_type_identifier=pass_type, serial_number=serial_number):
        # Read again, in one statement: content and time are of the same moment, whatever we waited for.
        found = presented(request, pass_type_identifier=pass_type, serial_number=serial_number)
        last_modified = http_date(found.apple_pass.modified_at.timestamp())
        # A device echoes our own words; comparing them as they are is exact.
        if request.headers.get("If-Modified-Since") == last_modified:
            return HttpResponse(status=304, headers={"Last-Modified": last_modified})
        text = found.text if request.method == "HEAD" else rotation.carry_on(found, now=timezone.now())
        body = files.pack(found.apple_pass, authentication_token=text)
    headers = {"Last-Modified": last_modified}
    return HttpResponse(body, content_type="application/vnd.apple.pkpass", headers=headers)


@answers_devices
@throttled("apple_logs")
@require_POST
def log(request: HttpRequest) -> HttpResponse:
    """POST lines that a device noted; always 200, whatever of them is kept."""
    device_logs.keep(_members(request).get("logs"))
    return HttpResponse(status=200)


@answers_devices
@require_POST
def lifecycle_update(request: HttpRequest, pass_type: str, serial_number: str) -> HttpResponse:
    """POST of `passLifecycleUpdate`, which Apple does not document and devices repeat until it gets 200."""
    return HttpResponse(status=200)


def _refused(request: HttpRequest, *, serial_number: str) -> HttpResponse:
    if allowance := suspicion.refuse_device(request, serial_number=serial_number):
        return HttpResponse(status=429, headers=allowance.headers)
    response = JsonResponse({"message": "This authentication token is not valid."}, status=401)
    response["WWW-Authenticate"] = SCHEME
    return response


def _push_token(request: HttpRequest) -> str:
    push_token = _members(request).get("pushToken")
    if not isinstance(push_token, str) or not PUSH_TOKEN.fullmatch(push_token):
        raise Invalid("pushToken", "This must be a string of hexadecimal digits, at most 200.")
    return push_token.lower()


def _members(request: HttpRequest) -> dict[str, object]:
    """The JSON object in the body; raises `Invalid` for anything else."""
    if len(request.body) > MOST_BODY:
        raise Invalid("body", "This is too long.")
    try:
        members = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Invalid("body", "This is not JSON.") from None
    if not isinstance(members, dict):
        raise Invalid("body", "This must be a JSON object.")
    return members

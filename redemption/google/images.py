"""The images of cards: Google fetches them from us, by addresses that nobody can guess."""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from credentials.models import DesignImage
from redemption.models import GoogleClass

Role = DesignImage.Role

# Which of a design's images goes where on a card. Apple's logo is as wide as Google's wide one, and its
# icon as square as Google's logo, which a phone cuts to a circle.
MEMBERS = {"logo": Role.ICON, "wideLogo": Role.LOGO, "heroImage": Role.STRIP}
# The address of an image changes with it; one of a former version shows what a newer address will.
LASTING, PASSING = "public, max-age=31536000, immutable", "public, max-age=60"


def image_members(google_class: GoogleClass) -> dict[str, Any]:
    """The images of a card as members of its object, `None` where the design has none; one query."""
    kind = google_class.credential_type
    roles = set(kind.images.values_list("role", flat=True))
    address = f"{settings.BASE_URL}/google/images/{google_class.suffix}/{kind.version}"
    return {
        member: {"sourceUri": {"uri": f"{address}/{role}.png"}} if role in roles else None
        for member, role in MEMBERS.items()
    }


@require_safe
def image(request: HttpRequest, suffix: str, version: str, role: str) -> HttpResponseBase:
    """GET the finest rendition of an image, as it is now; 404 for whatever no card shows."""
    found = _finest(suffix, version=int(version), role=role)
    png = bytes(found.png)
    is_current = int(version) == found.credential_type.version
    headers = {"Cache-Control": LASTING if is_current else PASSING}
    etag = quote_etag(hashlib.sha256(png).hexdigest())
    response = HttpResponse(png, content_type="image/png", headers={**headers, "ETag": etag})
    return get_conditional_response(request, etag=etag, response=response) or response


def _finest(suffix: str, *, version: int, role: str) -> DesignImage:
    rows = DesignImage.objects.select_related("credential_type").filter(
        credential_type__google_classes__suffix=suffix, credential_type__version__gte=version, role=role
    )
    found = rows.order_by("scale").last() if role in MEMBERS.values() else None
    if found is None:
        raise Http404("There is no such image.")
    return found

"""What an account's pages wear: public, and at addresses whose content never changes."""

from __future__ import annotations

from functools import lru_cache

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from credentials.branding import LOGO_BOX
from credentials.errors import NotFound
from credentials.images import light_webp
from credentials.models import Branding
from redemption import pictures

WEBP = "image/webp"
LOGO_BYTES = 8_000
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@require_safe
def logo(request: HttpRequest, digest: str) -> HttpResponse:
    """GET a logo by the digest of its PNG file."""
    return HttpResponse(_logo(digest), content_type="image/png", headers=FOREVER)


@require_safe
def light_logo(request: HttpRequest, digest: str) -> HttpResponse:
    """GET a logo by the digest of its PNG file, in few bytes."""
    return HttpResponse(_light_logo(digest), content_type=WEBP, headers=FOREVER)


@require_safe
def picture(request: HttpRequest, signed: str) -> HttpResponse:
    """GET an image of a design, as the picture of the pass shows it."""
    try:
        return HttpResponse(pictures.image(signed), content_type=WEBP, headers=FOREVER)
    except NotFound:
        raise Http404 from None


@lru_cache(maxsize=256)
def _light_logo(digest: str) -> bytes:
    return light_webp(_logo(digest), box=LOGO_BOX, most_bytes=LOGO_BYTES)


def _logo(digest: str) -> bytes:
    found = Branding.objects.filter(logo_digest=digest, logo__isnull=False).values_list("logo", flat=True)
    if (png := found.first()) is None:
        raise Http404
    return bytes(png)

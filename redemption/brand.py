"""What an account's pages wear: public, and at addresses whose content never changes."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from credentials.contrast import ink_on
from credentials.models import Branding

FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@require_safe
def accent(request: HttpRequest, colour: str) -> HttpResponse:
    """GET the style that makes buttons `#<colour>`, with an ink that can be read on it."""
    style = f":root{{--button:#{colour};--button-ink:{ink_on(f'#{colour}')}}}\n"
    return HttpResponse(style, content_type="text/css", headers=FOREVER)


@require_safe
def logo(request: HttpRequest, digest: str) -> HttpResponse:
    """GET a logo by the digest of its bytes."""
    found = Branding.objects.filter(logo_digest=digest, logo__isnull=False).values_list("logo", flat=True)
    png = found.first()
    if png is None:
        raise Http404
    return HttpResponse(bytes(png), content_type="image/png", headers=FOREVER)

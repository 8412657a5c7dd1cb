"""The passholder's pages: where a redemption URL stands, and the way from there into a wallet.

Looking never changes anything; whatever claims is a POST (mail scanners and link previews open every link).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache, wraps

import segno
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from credentials.errors import Conflict, Gone, InUse, NotFound, Refusal, Unavailable
from credentials.suspicion import Rule
from redemption import access, claims, suspicion, throttling
from redemption.access import ENDED, Visit
from redemption.apple import files
from redemption.devices import device_of
from redemption.google.offers import GoogleUnavailable
from redemption.languages import asked_language
from redemption.looks import day_of, look_of, texts_of
from redemption.shells import Notice, shell

PKPASS = "application/vnd.apple.pkpass"

View = Callable[..., HttpResponse]

# The status of each refusal, and what to tell somebody whose step failed although the URL is good.
_REFUSALS: tuple[tuple[type[Refusal], int, Notice], ...] = (
    (Conflict, 409, Notice.NONE),
    (Gone, 410, Notice.DOWNLOAD_ENDED),
    (GoogleUnavailable, 503, Notice.GOOGLE_DOWN),
    (Unavailable, 503, Notice.DOWN),
)


def answers(*methods: str, limit: str) -> Callable[[View], View]:
    """A view of one redemption URL: its methods, or any, its limit, and pages for all that is refused.

    The secret in the path is the whole authority, no cookie lends any, so there is nothing that a forged
    request could borrow: these views are exempt from the CSRF check, which would need a cookie itself.
    """

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def answer(request: HttpRequest, token: str, **parts: str) -> HttpResponse:
            if allowance := throttling.excess(request, token, group=limit):
                return HttpResponse(_plain("redemption/limited"), status=429, headers=allowance.headers)
            if methods and request.method not in methods:
                return _not_allowed(request, token, methods=methods)
            try:
                return view(request, token, **parts)
            except NotFound:
                throttling.count_failed_lookup(request)
                return HttpResponse(_plain("404"), status=404)
            except Refusal as refusal:
                return _refused(request, token, refusal)

        return answer

    return decorate


@answers("GET", "HEAD", limit="page_views")
def status(request: HttpRequest, token: str) -> HttpResponse:
    """GET where the passholder stands and what to do next."""
    visit = access.glance(token)
    suspicion.opened(visit, **request.opening)  # type: ignore[attr-defined]  # set by the limit
    return _page(request, token, visit, status=410 if visit.standing in ENDED else 200)


@answers("POST", limit="claims")
def claim_apple(request: HttpRequest, token: str) -> HttpResponse:
    """POST for a pass: 303 to its file. Asking again leads to the same file while the offer is fresh."""
    offer = claims.claim_apple(token)
    file = reverse("redemption:apple_file", args=[token, offer.serial_number])
    return HttpResponseRedirect(file, status=303)


@answers("GET", "HEAD", limit="page_views")
def apple_file(request: HttpRequest, token: str, serial_number: str) -> HttpResponse:
    """GET the file of an open offer, as often as browser and Wallet care to (Chrome on iOS fetches twice)."""
    visit = access.visit(token)
    body = files.offered_file(visit, token=token, serial_number=serial_number)
    name = f"{visit.credential.credential_type.slug}.pkpass"
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return HttpResponse(body, content_type=PKPASS, headers=headers)


@answers("POST", limit="claims")
def claim_google(request: HttpRequest, token: str) -> HttpResponse:
    """POST for a card at Google: 303 to the link that saves it. Asking again leads to the same card."""
    return HttpResponseRedirect(claims.claim_google(token), status=303)


@answers("GET", "HEAD", limit="page_views")
def qr_code(request: HttpRequest, token: str) -> HttpResponse:
    """GET the page's own address as a QR code, for the phone before the screen."""
    access.glance(token)
    code = segno.make(f"{settings.BASE_URL}/passes/{token}", micro=False)
    drawn = io.BytesIO()
    code.save(drawn, kind="svg", border=4, dark="#000", light="#fff", omitsize=True, xmldecl=False)
    return HttpResponse(drawn.getvalue(), content_type="image/svg+xml")


@answers(limit="page_views")
def elsewhere(request: HttpRequest, token: str) -> HttpResponse:
    """Whatever else lies below `/passes/` is looked up like a token, which it is not."""
    access.glance(token)
    raise NotFound("There is no such link.")


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """GET what crawlers are asked to leave alone, by path, since naming a URL would publish it."""
    return HttpResponse("User-agent: *\nDisallow: /passes/\n", content_type="text/plain")


def _refused(request: HttpRequest, token: str, refusal: Refusal) -> HttpResponse:
    _, status, notice = next(row for row in _REFUSALS if isinstance(refusal, row[0]))
    visit = access.visit(token)
    if isinstance(refusal, InUse):
        suspicion.notice(Rule.CLAIMS_WHILE_IN_USE, visit.credential)
    return _page(request, token, visit, status=status, notice=notice)


def _page(
    request: HttpRequest, token: str, visit: Visit, *, status: int, notice: Notice = Notice.NONE
) -> HttpResponse:
    """The page of a standing, with no more of the holder than tells them that the pass is theirs."""
    language = asked_language(request) or visit.credential.account.language
    texts = texts_of(visit, language=language)
    look = look_of(visit, known=texts, language=language, notice=notice)
    device = device_of(request.META.get("HTTP_USER_AGENT", ""))
    found = shell(look, device=device, language=language, chosen="lang" in request.GET)
    body = found.filled(token=token, day=day_of(visit, language=language), texts=texts)
    headers = {"Pass-State": look.standing, "Content-Language": language}
    page = HttpResponse(body, status=status, headers=headers)
    page.accent_color = look.accent_color  # type: ignore[attr-defined]  # for the policy
    return page


def _plain(name: str) -> str:
    """A page that says the same to everybody, in the visitor's language."""
    return _rendered(name, translation.get_language())


@lru_cache(maxsize=64)
def _rendered(name: str, language: str) -> str:
    # It says the same until the process ends; and whoever guesses shall not cost more than whoever is served.
    with translation.override(language):
        return render_to_string(f"{name}.html")


def _not_allowed(request: HttpRequest, token: str, *, methods: tuple[str, ...]) -> HttpResponse:
    page = render_to_string("redemption/not_allowed.html", {"token": token}, request)
    return HttpResponse(page, status=405, headers={"Allow": ", ".join(methods)})

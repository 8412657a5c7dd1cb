"""What every answer below `/passes/` carries: the address is a secret, and must stay between two parties."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from redemption import styles

PATH = "/passes"

HEADERS = {
    # Neither a proxy, nor the browser's history, nor the next page learns what this one said or where it was.
    "Cache-Control": "no-store, private",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}

POLICY = (
    "default-src 'none'; style-src {styles}; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self' {saving}; base-uri 'none'; frame-ancestors 'none'"
)


class PrivacyMiddleware:
    """Sets the headers by path, so that no view and no error page does without; stands before the others."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path_info == PATH or request.path_info.startswith(f"{PATH}/"):
            for name, value in HEADERS.items():
                response[name] = value
            response["Content-Security-Policy"] = _policy(response)
            # The URL is the whole authority here; a cookie could only follow somebody around.
            response.cookies.clear()
        return response


def _policy(response: HttpResponse) -> str:
    accent = styles.accent_source(getattr(response, "accent_color", ""))
    return POLICY.format(styles=f"{styles.PAGE_SOURCE} {accent}".rstrip(), saving=_where_cards_are_saved())


def _where_cards_are_saved() -> str:
    """To where a form's answer may redirect: the save link, and where Google leads from there.

    Browsers hold every step of a redirected form against the policy; Google sends whoever is not signed in
    on to another of its hosts.
    """
    save = urlsplit(settings.GOOGLE_SAVE_URL)
    is_google = (save.hostname or "").endswith(".google.com")
    return "https://*.google.com" if is_google else f"{save.scheme}://{save.netloc}"

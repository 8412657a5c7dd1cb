"""Which language somebody is answered in: passholders in theirs, the admin and the API in English."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header

# Programs and admins read these; Django's own texts among ours would be in another language.
ENGLISH = ("/admin/", "/api/")


class LanguageMiddleware:
    """Answers in the language of the visitor, error pages too. No cookie remembers it: the address does."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(ENGLISH):
            with translation.override(settings.LANGUAGE_CODE):
                return self.get_response(request)
        language = asked_language(request) or settings.LANGUAGE_CODE
        with translation.override(language):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ["Accept-Language"])
        return response


def asked_language(request: HttpRequest) -> str:
    """The language that the visitor chose (`?lang=`), else the first that the browser asks for and we speak.

    A regional one (`pt-BR`) finds the language itself. Empty when nothing fits.
    """
    if (chosen := request.GET.get("lang")) and chosen in dict(settings.LANGUAGES):
        return chosen
    for asked, weight in parse_accept_lang_header(request.META.get("HTTP_ACCEPT_LANGUAGE", "")):
        if weight and (spoken := _spoken(asked)):
            return spoken
    return ""


def _spoken(language: str) -> str:
    try:
        return translation.get_supported_language_variant(language)
    except LookupError:
        return ""

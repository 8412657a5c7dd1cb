"""Who opens a page without a person behind it: scanners of mail, previews of links, prefetch, and programs.

They see what everybody sees, and change as little; only their looks count as nobody's.
"""

from __future__ import annotations

import re
from functools import lru_cache

from django.http import HttpRequest

# Characters of a header that are looked at: nothing has been limited yet when this is asked.
_LONGEST = 512

# Browsers say so in one of these when they fetch a page that nobody has opened yet.
_PURPOSES = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")
_AHEAD = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)
_PROGRAMS = re.compile(
    # Cubot is a maker of phones.
    r"(?<!cu)bot\b|bot/|crawler|spider|slurp|preview|scan(?:ner)?\b"
    r"|slack-imgproxy|slackbot|facebookexternalhit|facebookcatalog|meta-external|^whatsapp/|embedly"
    r"|microsoft office|ms-?office|safelinks|bingpreview|barracuda|proofpoint|mimecast|symantec|trendmicro"
    r"|urldefense|virustotal|googleimageproxy|google-read-aloud|mediapartners|apis-google|feedfetcher|ia_archiver"
    r"|^curl/|^wget/|python-|httpx/|aiohttp|go-http-client|java/|okhttp|axios|node-fetch|^ruby|libwww|headless",
    re.IGNORECASE,
)


def is_automatic(request: HttpRequest) -> bool:
    """Whether this look is no person's: by its method, its purpose, or what it calls itself."""
    if request.method == "HEAD":
        return True
    if any(_AHEAD.search(request.META.get(name, "")[:_LONGEST]) for name in _PURPOSES):
        return True
    return _is_program(request.META.get("HTTP_USER_AGENT", "")[:_LONGEST])


# Visitors have a few hundred kinds of browsers, and looking one over takes longer than counting the visit.
@lru_cache(maxsize=1024)
def _is_program(agent: str) -> bool:
    return not agent or _PROGRAMS.search(agent) is not None

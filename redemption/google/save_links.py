"""Save links: the address by which a passholder adds an object that is at Google already.

A link names its object and nothing else (a "skinny" JWT), so that it stays short enough for every browser
and holds nothing that is worth reading.
"""

from __future__ import annotations

import time

from django.conf import settings
from google.auth import jwt

from redemption.google.service_accounts import signer_of
from redemption.models import GooglePass


def mint(google_pass: GooglePass) -> str:
    """The link to save this object, signed now by its issuer's service account.

    Google documents no end of such a link: whoever has one may try to save the object. Raises `KeyRefused`
    when the issuer has no key.
    """
    issuer = google_pass.google_class.issuer
    claims = {
        "iss": issuer.service_account_email,
        "aud": "google",
        "typ": "savetowallet",
        "iat": int(time.time()),
        "origins": [settings.BASE_URL],
        "payload": {
            "genericObjects": [{"id": google_pass.object_id, "classId": google_pass.google_class.class_id}]
        },
    }
    token: bytes = jwt.encode(signer_of(issuer), claims)
    return settings.GOOGLE_SAVE_URL + token.decode("ascii")

"""The mail server, as `EMAIL_URL` names it."""

from __future__ import annotations

from typing import Any

import dj_email_url
from django.core.exceptions import ImproperlyConfigured


def mail_settings(url: str, *, host: str) -> dict[str, Any]:
    """Django's settings of mail by name, for `EMAIL_URL`; our own `host` is that of the default sender.

    Raises `ImproperlyConfigured`, which never repeats the address: it may hold a password.
    """
    scheme = url.partition(":")[0]
    if scheme not in dj_email_url.SCHEMES:
        known = ", ".join(sorted(dj_email_url.SCHEMES))
        raise ImproperlyConfigured(f"EMAIL_URL must begin with one of {known}, and a colon.")
    try:
        read = dj_email_url.parse(url)
    except ValueError:
        raise ImproperlyConfigured("EMAIL_URL cannot be read; see that its port is a number.") from None
    return {
        "EMAIL_BACKEND": read["EMAIL_BACKEND"],
        "EMAIL_HOST": read["EMAIL_HOST"] or "",
        "EMAIL_PORT": read["EMAIL_PORT"] or 25,
        "EMAIL_HOST_USER": read["EMAIL_HOST_USER"] or "",
        "EMAIL_HOST_PASSWORD": read["EMAIL_HOST_PASSWORD"] or "",
        "EMAIL_USE_TLS": read["EMAIL_USE_TLS"],
        "EMAIL_USE_SSL": read["EMAIL_USE_SSL"],
        "EMAIL_FILE_PATH": read["EMAIL_FILE_PATH"] or None,
        "DEFAULT_FROM_EMAIL": read.get("DEFAULT_FROM_EMAIL") or f"PassFlow <no-reply@{host}>",
    }

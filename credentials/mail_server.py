"""Asks the mail server, before a mail is written, whether it is there and would take one."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends import smtp
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import sanitize_address

OK = 250
# The server takes the mail, and hands it on to where the address really is (RFC 5321, section 3.4).
TAKEN = (OK, 251)


@contextmanager
def ready_for(address: str) -> Iterator[BaseEmailBackend]:
    """An open connection to a mail server that takes mails to `address`; closed at the end.

    Raises what sending would: `SMTPException`, `OSError`, and `ValueError` for what is no address.
    """
    with get_connection() as connection:
        # Others, such as the console, have nobody to ask.
        if isinstance(connection, smtp.EmailBackend) and connection.connection is not None:
            _ask(connection.connection, _wire(settings.DEFAULT_FROM_EMAIL), _wire(address))
        yield connection


def _ask(server: smtplib.SMTP, sender: str, recipient: str) -> None:
    """Names both as a mail would, and takes it back (RFC 5321, section 4.1.1.5)."""
    server.ehlo_or_helo_if_needed()
    code, words = server.mail(sender)
    if code != OK:
        raise smtplib.SMTPSenderRefused(code, words, sender)
    code, words = server.rcpt(recipient)
    if code not in TAKEN:
        raise smtplib.SMTPRecipientsRefused({recipient: (code, words)})
    server.rset()


def _wire(address: str) -> str:
    """The address as Django sends it."""
    return sanitize_address(address, settings.DEFAULT_CHARSET)

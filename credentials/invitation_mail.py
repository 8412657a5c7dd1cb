"""What an invitation looks like: HTML and text in the person's language, dressed as the account wants."""

from __future__ import annotations

from email.header import Header
from email.mime.image import MIMEImage
from email.utils import formataddr, make_msgid, parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from credentials.branding import branding_of
from credentials.contrast import LIGHT, ink_on
from credentials.days import written
from credentials.models import Branding, Credential, Person

# The logo travels inside the mail: nothing is fetched, so nobody learns when a mail is read.
LOGO_ID = "logo@passflow"
# As on the pages, where an account has no colour of its own.
NEUTRAL = "#14171f"
# Characters of an encoded word in a header (RFC 2047, section 2); Django and `email` would make longer ones.
LONGEST_WORD = 75


def invitation_mail(credential: Credential, *, url: str) -> EmailMultiAlternatives:
    """The mail with the redemption `url`, in the person's language or else the account's."""
    language = credential.person.language or credential.account.language
    branding = branding_of(credential.account)
    with translation.override(language):
        context = _context(credential, branding=branding, language=language, url=url)
        message = EmailMultiAlternatives(
            _encoded(context["subject"]),
            render_to_string("mail/invitation.txt", context),
            from_email=_sender(context["organization"]),
            to=[credential.person.email],
            reply_to=[context["contact_email"]] if context["contact_email"] else None,
            headers=_headers(),
        )
        message.attach_alternative(render_to_string("mail/invitation.html", context), "text/html")
    if branding.logo:
        # The alternatives and what one of them shows belong together (RFC 2387).
        message.mixed_subtype = "related"
        message.attach(_logo(bytes(branding.logo)))
    return message


def _context(credential: Credential, *, branding: Branding, language: str, url: str) -> dict[str, Any]:
    organization = _one_line(branding.text("name", language=language) or credential.account.name)
    label = credential.credential_type.label
    subject = _("Your %(label)s from %(account)s") % {"label": label, "account": organization}
    return {
        "subject": _one_line(subject),
        "credential": credential,
        "full_name": _full_name(credential.person, language=language),
        "organization": organization,
        "help": branding.text("help", language=language),
        **branding.contact(language=language),
        "logo": f"cid:{LOGO_ID}" if branding.logo else "",
        "button": branding.accent_color or NEUTRAL,
        "button_ink": ink_on(branding.accent_color) if branding.accent_color else LIGHT,
        "button_class": "" if branding.accent_color else "neutral",
        "url": url,
        "end": written(end, "DATETIME_FORMAT") if (end := credential.url_expires_at) else "",
    }


def _sender(organization: str) -> str:
    """The operator's address under the account's name."""
    return formataddr((_encoded(organization), parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))


def _full_name(person: Person, *, language: str) -> str:
    """As one addresses somebody: in Japanese the family name comes first."""
    names = [person.first_name, person.last_name]
    return " ".join(filter(None, reversed(names) if language == "ja" else names))


def _headers() -> dict[str, str]:
    """That nobody wrote this (RFC 3834), under a name that does not tell what this machine is called.

    A new one for each attempt: each carries a link of its own, and only the last one works.
    """
    host = urlsplit(settings.BASE_URL).hostname
    return {"Auto-Submitted": "auto-generated", "Message-ID": make_msgid(domain=host)}


def _logo(png: bytes) -> MIMEImage:
    image = MIMEImage(png, "png")
    image["Content-ID"] = f"<{LOGO_ID}>"
    image["Content-Disposition"] = 'inline; filename="logo.png"'
    return image


def _encoded(words: str) -> str:
    """One line of ASCII for a header."""
    return _one_line(Header(words, maxlinelen=LONGEST_WORD).encode())


def _one_line(words: str) -> str:
    """Without the line ends that no header may hold."""
    return " ".join(words.split())

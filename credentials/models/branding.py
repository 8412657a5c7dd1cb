"""How an account looks and speaks to its passholders."""

from __future__ import annotations

from django.db import models

from credentials.models.accounts import Account
from credentials.models.designs import hex_colour

CONTACT = ("contact_email", "contact_phone", "contact_url")


class Branding(models.Model):
    """Logo, colour, help and contact of an account, on pages and in mails."""

    account = models.OneToOneField(Account, models.CASCADE, primary_key=True, related_name="branding")
    logo = models.BinaryField(null=True)
    # Of the PNG, in hexadecimal: the public address of the logo, which therefore never changes what it shows.
    logo_digest = models.CharField(max_length=64, blank=True, db_index=True)
    accent_color = models.CharField(
        max_length=7, blank=True, validators=[hex_colour], help_text="Of buttons and links. Empty: neutral."
    )
    contact_email = models.EmailField(blank=True, help_text="Where passholders get help.")
    contact_phone = models.CharField(max_length=40, blank=True)
    contact_url = models.URLField(blank=True)
    # By language: the name of the organisation, its own words of help, and whom to ask, where they differ.
    texts = models.JSONField(
        default=dict, blank=True, help_text='{"de": {"name": "Acme Sport", "help": "Am Tresen helfen wir."}}'
    )

    class Meta:
        ordering = ["account"]
        verbose_name_plural = "branding"

    def __str__(self) -> str:
        return f"branding of {self.account}"

    def text(self, name: str, *, language: str) -> str:
        """A text in `language`, else in the account's own language, else empty."""
        for code in (language, self.account.language):
            if words := self.texts.get(code, {}).get(name):
                return str(words)
        return ""

    def contact(self, *, language: str) -> dict[str, str]:
        """Where those who read `language` get help: at its own addresses, else at those for everybody."""
        own = self.texts.get(language, {})
        return {name: str(own.get(name) or getattr(self, name)) for name in CONTACT}

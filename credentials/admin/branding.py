"""The branding of an account in the admin: a page for each account, and a mail to see it in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.mail import EmailMultiAlternatives
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from credentials import branding
from credentials.admin.badges import badge
from credentials.admin.image_input import DesignImageField, read_upload
from credentials.admin.texts_input import TextsField
from credentials.admin.verbs import Columns, VerbAdmin, VerbForm
from credentials.contrast import contrast
from credentials.invitation_mail import LOGO_ID, invitation_mail
from credentials.models import Account, Branding, Credential, CredentialType, Person

# What buttons stand on, in the light and in the dark scheme of templates/redemption/page.css.
GROUNDS = {"white": "#ffffff", "dark": "#181b22"}
# What a button must have beside its ground (WCAG 2.2, success criterion 1.4.11).
VISIBLE = 3.0

# A mail brings its style with it. Nothing else is allowed, least of all a script.
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'; sandbox"


class HttpsField(forms.URLField):
    """A web address; typed without a scheme, it is one of https."""

    def __init__(self, **options: Any) -> None:
        super().__init__(assume_scheme="https", **options)


class BrandingForm(VerbForm[Branding]):
    """What an account looks and sounds like, as an admin writes it."""

    logo = DesignImageField(
        required=False,
        help_text="PNG or JPEG, at most 2 MB; made to fit into 480 by 96 pixels, and shown at half of that.",
    )
    accent_color = forms.CharField(
        required=False,
        max_length=7,
        help_text="Of buttons, such as #c2410c. Empty: neutral. Words on it are black or white, "
        "whichever is read better.",
    )
    texts = TextsField(
        help_text="What differs from the account's name, and where passholders get help, in their language. "
        "Empty: as in the account's own language, and the contact above."
    )

    class Meta:
        model = Branding
        fields = ("accent_color", "contact_email", "contact_phone", "contact_url", "texts")
        field_classes = {"contact_url": HttpsField}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.logo_digest:
            self.initial["logo"] = f"/brand/{self.instance.logo_digest}.png"


@admin.register(Branding)
class BrandingAdmin(VerbAdmin[Branding]):
    """How accounts look and speak, on pages and in mails."""

    form = BrandingForm
    change_form_template = "admin/credentials/branding/change_form.html"
    list_display = ("account", "accent_color", "contact_email", "contact_url")
    list_select_related = ("account",)
    search_fields = ("account__name", "account__slug")
    empty_list = "Open an account and choose Branding."
    readonly_fields = ("contrast",)
    fieldsets = (
        ("Look", {"fields": ("logo", "accent_color", "contrast")}),
        ("Help", {"fields": ("contact_email", "contact_phone", "contact_url")}),
        ("Texts", {"fields": ("texts",)}),
    )

    def get_urls(self) -> list[URLPattern]:
        """One address more: the mail."""
        view = self.admin_site.admin_view(self.mail_view)
        return [
            path("<path:object_id>/mail/<slug:language>/", view, name="credentials_branding_mail"),
            *super().get_urls(),
        ]

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Branding | None:
        """The branding of this account; one that says nothing, until there is something to save."""
        pk = int(object_id) if object_id.isdecimal() else 0
        found = Account.objects.select_related("branding").filter(pk=pk).first()
        return branding.branding_of(found) if found else None

    def get_form(
        self,
        request: HttpRequest,
        obj: Branding | None = None,
        change: bool = False,  # noqa: FBT001, FBT002 - as Django has it
        **options: object,
    ) -> type[forms.ModelForm[Branding]]:
        """The form; the logo is no column that Django could make a field of."""
        return super().get_form(
            request, obj, change=change, **{**options, "fields": BrandingForm.Meta.fields}
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """It is there with its account."""
        return False

    def update(self, row: Branding, *, columns: Columns, actor: str) -> Branding:
        """What is named is changed."""
        if "logo" in columns:
            columns["logo"] = read_upload(columns["logo"])
        return branding.update_branding(row.account, actor=actor, **columns)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form, with the mails to look at."""
        context = {"languages": settings.LANGUAGES, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def response_change(self, request: HttpRequest, obj: Branding) -> HttpResponse:
        """With a warning of a colour that some people will not see."""
        for ground, ratio in _hard_to_see(obj.accent_color):
            sentence = f"{obj.accent_color} is hard to see on {ground}: {ratio:.1f}:1, where 3:1 is needed."
            self.message_user(request, sentence, messages.WARNING)
        return super().response_change(request, obj)

    def mail_view(self, request: HttpRequest, object_id: str, language: str) -> HttpResponse:
        """The mail that a sample person gets in `language`, as it was last saved."""
        row = self.get_object(request, object_id)
        if row is None or language not in dict(settings.LANGUAGES):
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        [page] = sample_mail(row.account, language=language).alternatives
        shown = str(page[0]).replace(f"cid:{LOGO_ID}", f"/brand/{row.logo_digest}.png")
        return HttpResponse(shown, headers={"Content-Security-Policy": MAIL_POLICY})

    @admin.display(description="contrast")
    def contrast(self, row: Branding) -> SafeString | str:
        """How well the colour is seen on both grounds."""
        if not row.accent_color:
            return "–"
        hard = dict(_hard_to_see(row.accent_color))
        ratios = ", ".join(
            f"{contrast(row.accent_color, colour):.1f}:1 on {ground}" for ground, colour in GROUNDS.items()
        )
        return format_html(
            "{} {}", ratios, badge("Hard to see", "attention") if hard else badge("Good", "good")
        )


def sample_mail(account: Account, *, language: str) -> EmailMultiAlternatives:
    """An invitation for nobody, with a link that leads nowhere."""
    person = Person(account=account, first_name="Ada", email="ada@example.org", language=language)
    kind = CredentialType(account=account, label="Membership")
    ends = timezone.now() + (account.url_lifetime or timedelta(days=7))
    credential = Credential(account=account, person=person, credential_type=kind, url_expires_at=ends)
    return invitation_mail(credential, url=f"{settings.BASE_URL}/passes/sample")


def _hard_to_see(colour: str) -> list[tuple[str, float]]:
    ratios = [(ground, contrast(colour, of)) for ground, of in GROUNDS.items()] if colour else []
    return [(ground, ratio) for ground, ratio in ratios if ratio < VISIBLE]

"""Forms that a verb saves: what it refuses stands next to the field, a secret it returns is shown once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from credentials.admin.rows import M, RowAdmin, actor
from credentials.admin.subscriptable import ModelForm
from credentials.errors import Refusal
from credentials.qr import inline_qr

Columns = dict[str, Any]


class VerbForm(ModelForm[M]):
    """Reads columns; whether they can be accepted is for the verb to say."""

    refusal: Refusal | None = None

    def clean(self) -> Columns:
        """Puts what the verb refused where it belongs."""
        if self.refusal is not None:
            field = getattr(self.refusal, "field", NON_FIELD_ERRORS)
            self.add_error(field if field in self.fields else None, self.refusal.sentence)
        return self.cleaned_data

    def _post_clean(self) -> None:
        """Where Django checks the row as a whole: the verb does, and names the column."""


class VerbAdmin(RowAdmin[M]):
    """Rows that are made and changed through the verbs of their noun."""

    form: type[ModelForm[M]] = VerbForm
    secret_name = ""

    def create(self, columns: Columns, *, actor: str) -> M | tuple[M, str | None]:
        """The new row, with the secret beside it that is shown once, if there is one."""
        raise NotImplementedError

    def update(self, row: M, *, columns: Columns, actor: str) -> M:
        """The row with these columns changed."""
        raise NotImplementedError

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form; after a refusal, which has rolled everything back, once more with the reason in it."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refusal as refusal:
            request.refusal = refusal  # type: ignore[attr-defined]  # for `get_form`
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(
        self,
        request: HttpRequest,
        obj: M | None = None,
        change: bool = False,  # noqa: FBT001, FBT002 - as Django has it
        **options: object,
    ) -> type[forms.ModelForm[M]]:
        """The form class, which knows what the verb refused before."""
        form = super().get_form(request, obj, change=change, **options)
        return type(form.__name__, (form,), {"refusal": getattr(request, "refusal", None)})

    def save_form(self, request: HttpRequest, form: forms.ModelForm[M], change: bool) -> M:  # noqa: FBT001 - as Django has it
        """Calls the verb; Django goes on with the row that it returns."""
        if change:
            columns = {name: form.cleaned_data[name] for name in form.changed_data}
            return self.update(form.instance, columns=columns, actor=actor(request))
        made = self.create(form.cleaned_data, actor=actor(request))
        row, secret = made if isinstance(made, tuple) else (made, None)
        request.secret = secret  # type: ignore[attr-defined]  # for `response_add`
        return row

    def save_model(self, *_: object, **__: object) -> None:
        """The verb has saved it."""

    def save_related(self, *_: object, **__: object) -> None:
        """The verb has saved it."""

    def response_add(
        self, request: HttpRequest, obj: M, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The secret of a new row, in this answer and nowhere else; or else Django's way back."""
        secret: str | None = request.secret  # type: ignore[attr-defined]  # by `save_form`
        if secret:
            return self.show_once(request, obj, secret=secret)
        return super().response_add(request, obj, post_url_continue)

    def show_once(self, request: HttpRequest, row: M, *, secret: str) -> TemplateResponse:
        """A page that no cache, session or log ever holds."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"New {self.secret_name}",
            "opts": self.opts,
            "original": row,
            "secret": secret,
            "secret_name": self.secret_name,
            # An address is for a phone; a key is not.
            "qr_code": inline_qr(secret, title=self.secret_name) if "://" in secret else "",
        }
        headers = {"Cache-Control": "no-store, private"}
        return TemplateResponse(request, "admin/shown_once.html", context, headers=headers)

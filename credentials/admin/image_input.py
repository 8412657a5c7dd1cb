"""The input for an image of a design: shows the one there is, takes another, or removes it."""

from __future__ import annotations

from typing import Any, Literal

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.forms.renderers import BaseRenderer
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from credentials.images import MOST_BYTES


class DesignImageInput(forms.ClearableFileInput):
    """A file input beside the present image, which is given as a `data:` URI."""

    def is_initial(self, value: object) -> bool:
        """Whether there is one now."""
        return isinstance(value, str) and bool(value)

    def render(
        self,
        name: str,
        value: object,
        attrs: dict[str, Any] | None = None,
        renderer: BaseRenderer | None = None,
    ) -> SafeString:
        """The input as HTML, from a template of the project's own."""
        return render_to_string("admin/design_image_input.html", self.get_context(name, value, attrs))


class DesignImageField(forms.FileField):
    """An upload; what is in it is for the verb to say."""

    widget = DesignImageInput(attrs={"accept": "image/png,image/jpeg"})


def read_upload(upload: UploadedFile | Literal[False]) -> bytes | None:
    """No more than shows that it is too large; Django says False for "remove"."""
    return upload.read(MOST_BYTES + 1) if upload else None

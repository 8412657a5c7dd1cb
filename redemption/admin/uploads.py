"""Files with certificates and keys, as a form hands them over."""

from __future__ import annotations

from django.core.files.uploadedfile import UploadedFile

from credentials.errors import Invalid

MOST_UPLOADED = 100_000


def content_of(upload: UploadedFile | None, *, named: str) -> bytes | None:
    """The bytes of the file in the field `named`, if there is one. Raises `Invalid` when it is too large."""
    if upload is None:
        return None
    if (upload.size or 0) > MOST_UPLOADED:
        raise Invalid(named, "This file is too large to be a certificate or a key.")
    content: bytes = upload.read()
    return content

"""What Google reaches of us."""

from __future__ import annotations

from django.urls import path, re_path

from redemption.google import callbacks, images

# As many digits as a version can have.
_IMAGE = r"^images/(?P<suffix>[0-9A-Za-z]{1,24})/(?P<version>[0-9]{1,9})/(?P<role>[a-z]{1,12})\.png\Z"

urlpatterns = [
    path("callback/<slug:issuer_id>", callbacks.callback, name="google_callback"),
    re_path(_IMAGE, images.image, name="google_image"),
]

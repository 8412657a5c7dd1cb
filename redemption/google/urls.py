"""What Google reaches of us."""

from __future__ import annotations

from django.urls import path

from redemption.google import callbacks

urlpatterns = [
    path("callback/<slug:issuer_id>", callbacks.callback, name="google_callback"),
]

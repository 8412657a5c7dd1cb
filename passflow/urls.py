"""The whole map of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from credentials.admin.logins import login

api = include([path("", include("credentials.api.urls")), path("", include("webhooks.urls"))])

urlpatterns = [
    # First, because passholders come most often.
    path("", include("redemption.urls")),
    path("admin/login/", login),
    path("admin/", admin.site.urls),
    path("api/v3/", api),
    # DoorFlow's prefix, so that clients made for its API work with another base URL.
    path("api/3/", api),
]

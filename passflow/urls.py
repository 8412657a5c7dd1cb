"""The whole map of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from passflow import health

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("redemption.urls")),
    path("livez", health.livez),
    path("readyz", health.readyz),
]

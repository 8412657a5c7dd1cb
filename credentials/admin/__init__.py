"""The Django admin: one module for each noun; whatever changes something goes through its verb."""

from __future__ import annotations

from django.contrib import admin

from credentials.admin import (
    accounts,
    api_keys,
    branding,
    credential_types,
    credentials,
    events,
    people,
    people_imports,
    wallet_passes,
)

__all__ = [
    "accounts",
    "api_keys",
    "branding",
    "credential_types",
    "credentials",
    "events",
    "people",
    "people_imports",
    "wallet_passes",
]

admin.site.site_header = admin.site.site_title = "PassFlow"
admin.site.index_title = "Overview"
admin.site.site_url = None

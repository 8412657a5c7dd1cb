"""The passholder's and the wallets' addresses."""

from __future__ import annotations

from django.urls import include, path, re_path

from redemption import brand, pages

app_name = "redemption"

urlpatterns = [
    # Any string goes for a token: a stricter route would answer a malformed one in another way.
    path("passes/<str:token>", pages.status, name="status"),
    path("passes/<str:token>/apple", pages.claim_apple, name="claim_apple"),
    path("passes/<str:token>/apple/<str:serial_number>.pkpass", pages.apple_file, name="apple_file"),
    path("passes/<str:token>/qr.svg", pages.qr_code, name="qr_code"),
    path("passes/<str:token>/google", pages.claim_google, name="claim_google"),
    re_path(r"^passes(?P<token>(?:/[\s\S]*)?)\Z", pages.elsewhere),
    re_path(r"^brand/(?P<digest>[0-9a-f]{64})\.png\Z", brand.logo, name="logo"),
    re_path(r"^brand/(?P<digest>[0-9a-f]{64})\.webp\Z", brand.light_logo),
    re_path(r"^brand/(?P<signed>[\w.-]{1,200})\.webp\Z", brand.picture),
    path("apple/", include("redemption.apple.urls")),
    path("google/", include("redemption.google.urls")),
    path("robots.txt", pages.robots),
]

"""The pages of the directory. From the root: pictures, site map and a firm's own pages lie beside `/builders/`."""

from __future__ import annotations

from django.urls import include, path, re_path

from builders.views import media

app_name = "builders"

urlpatterns = [
    path("", include("builders.claim_urls")),
    re_path(r"^media/portfolio/(?P<name>[0-9a-f]{32}-[0-9]{3,4}\.webp)$", media.picture, name="picture"),
]

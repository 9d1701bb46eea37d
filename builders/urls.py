"""The pages of the directory. From the root: pictures, site map and a firm's own pages lie beside `/builders/`."""

from __future__ import annotations

from django.urls import include, path, re_path

from builders.views import directory, media, sitemap

app_name = "builders"

urlpatterns = [
    path("builders/", directory.landing, name="landing"),
    path("builders/search/", directory.search_page, name="search"),
    path("builders/in/<str:country>/", directory.country_page, name="country"),
    path("builders/in/<str:country>/<str:city>/", directory.city_page, name="city"),
    path("", include("builders.claim_urls")),
    path("builders/<slug:slug>/", directory.builder, name="builder"),
    re_path(r"^media/portfolio/(?P<name>[0-9a-f]{32}-[0-9]{3,4}\.webp)$", media.picture, name="picture"),
    # Around them all, for search engines.
    path("robots.txt", sitemap.robots, name="robots"),
    path("sitemap.xml", sitemap.index, name="sitemap"),
    path("sitemap-places.xml", sitemap.places, name="sitemap_places"),
    path("sitemap-builders-<int:number>.xml", sitemap.builders, name="sitemap_builders"),
]

"""Where every page lives."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import include, path, re_path

from config.api import api, no_route
from operations import health


async def to_icon(request: HttpRequest) -> HttpResponseRedirect:
    return HttpResponseRedirect(static("img/icon.svg"))


urlpatterns = [
    path("", include("chat.urls")),
    path("", include("builders.urls")),
    path("accounts/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    # Before and behind the API's own routes: whatever it does not know, its clients read no pages.
    path("api/", include([path("", no_route)])),
    path("api/", api.urls),
    path("api/", include([re_path("", no_route)])),
    path("health", health.health, name="health"),
    path("ready", health.ready, name="ready"),
    path("metrics", health.metrics_page, name="metrics"),
    # Asked for by browsers on answers that are no pages and name no icon, such as those of the API.
    path("favicon.ico", to_icon, name="favicon"),
]

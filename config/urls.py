"""Where every page lives."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import include, path

from config.api import api
from operations import health


async def to_icon(request: HttpRequest) -> HttpResponseRedirect:
    return HttpResponseRedirect(static("img/icon.svg"))


urlpatterns = [
    path("", include("chat.urls")),
    path("accounts/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("health", health.health, name="health"),
    path("ready", health.ready, name="ready"),
    path("metrics", health.metrics_page, name="metrics"),
    # Asked for by browsers on answers that are no pages and name no icon, such as those of the API.
    path("favicon.ico", to_icon, name="favicon"),
]

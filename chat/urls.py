"""The pages of chat."""

from django.urls.resolvers import URLPattern

urlpatterns: list[URLPattern] = []

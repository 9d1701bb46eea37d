"""Where a firm takes over its record and looks after it. From the root: `builders.urls` includes this under ""."""

from __future__ import annotations

from django.urls import path

from builders.views import claims, owner

urlpatterns = [
    path("builders/<slug:slug>/claim/", claims.claim, name="claim"),
    path("my-firm/", owner.my_firms, name="my_firms"),
    path("my-firm/<slug:uid>/", owner.my_firm, name="my_firm"),
    path("my-firm/<slug:uid>/portfolio/", owner.portfolio, name="my_portfolio"),
    path("my-firm/<slug:uid>/portfolio/<int:project>/", owner.project, name="my_project"),
    path("my-firm/<slug:uid>/portfolio/<int:project>/pictures/", owner.pictures, name="my_pictures"),
    path("my-firm/<slug:uid>/<slug:section>/", owner.section, name="my_section"),
]

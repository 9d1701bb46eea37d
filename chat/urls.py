"""The pages of chat."""

from django.urls import path

from chat import shell, views

app_name = "chat"

urlpatterns = [
    path("", views.home, name="home"),
    path("enter/", views.enter, name="enter"),
    path("rooms/", views.create_room, name="create_room"),
    path("r/<str:uid>/", views.room, name="room"),
    path("r/<str:uid>/join/", views.join_room, name="join_room"),
    path("r/<str:uid>/leave/", views.leave_room, name="leave_room"),
    path("j/<str:token>/", views.invite, name="invite"),
    path("offline/", shell.offline, name="offline"),
    path("manifest.webmanifest", shell.manifest, name="manifest"),
    path("service-worker.js", shell.service_worker, name="service_worker"),
]

"""The account pages: django-allauth's, told apart from guests."""

from __future__ import annotations

from allauth import urls as allauth_urls
from django.urls import path

from accounts.strangers import for_members, members_only
from accounts.views import SignUpView

# Guests may log out like anybody else.
OPEN_TO_GUESTS = frozenset({"account_logout"})

urlpatterns = [
    path("signup/", for_members(SignUpView.as_view()), name="account_signup"),
    *members_only(allauth_urls.urlpatterns, besides=OPEN_TO_GUESTS),
]

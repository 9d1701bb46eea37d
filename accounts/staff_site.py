"""The admin site, entered through the members' log-in page and, where required, only with a second factor."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.models import User
from accounts.requests import person_of

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def lacks_second_factor(user: User) -> bool:
    """Tell whether `user` must set up a second factor first. Recovery codes alone are none."""
    return settings.STAFF_MFA_REQUIRED and not is_mfa_enabled(user, types=[Authenticator.Type.TOTP])


class StaffSite(AdminSite):
    site_header = "Pavilion"
    site_title = "Pavilion"
    index_title = "Control room"

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and not lacks_second_factor(person_of(request))

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            # PostgreSQL takes no NUL, and every list and page would have to say so for itself.
            if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
                raise BadRequest("There is a NUL in the address.")
            return view(request, *args, **kwargs)

        return super().admin_view(cast(View, guarded), cacheable)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send whoever may not enter to the page where that can be changed."""
        target = self._target(request)
        if self.has_permission(request):
            return HttpResponseRedirect(target)
        user = request.user
        if user.is_anonymous or user.is_guest:
            return _redirect("account_login", target)
        if not user.is_staff:
            raise PermissionDenied
        messages.warning(request, "Staff need an authenticator app. Set it up here; the control room opens then.")
        return _redirect("mfa_activate_totp", target)

    def password_change(  # type: ignore[override]  # a redirect is no page of the site
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Use the members' page: it ends the person's other sessions as well."""
        return HttpResponseRedirect(reverse("account_change_password"))

    def _target(self, request: HttpRequest) -> str:
        target = request.GET.get(REDIRECT_FIELD_NAME, "")
        if url_has_allowed_host_and_scheme(target, allowed_hosts=None, require_https=request.is_secure()):
            return target
        return reverse("admin:index", current_app=self.name)


def _redirect(name: str, target: str) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse(name)}?{urlencode({REDIRECT_FIELD_NAME: target})}")

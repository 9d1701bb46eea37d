from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People"
    default = True


class StaffAdminConfig(admin_apps.AdminConfig):
    """The admin site, behind our own log-in page and second factor."""

    default = False
    default_site = "accounts.staff_site.StaffSite"
